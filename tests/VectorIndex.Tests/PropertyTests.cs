using FsCheck;
using FsCheck.Fluent;

namespace FaceSearch.VectorIndex.Tests;

/// <summary>Random programs of adds, updates, removals and snapshots, run against the naive model.</summary>
public sealed class PropertyTests
{
    private const int Dimension = 16;

    public static TheoryData<string> Engines() => ["flat", "hnsw", "tiered"];

    [Theory]
    [MemberData(nameof(Engines))]
    public void Any_sequence_of_operations_leaves_what_the_naive_model_holds(string engine)
    {
        Gen<int[]> programs = Gen.ArrayOf(Gen.Choose(0, 1 << 20));
        Prop.ForAll(programs.ToArbitrary(), program => RunProgram(engine, program))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(60).WithEndSize(120).WithReplay(20_26, 1_123));
    }

    private static bool RunProgram(string engine, int[] program)
    {
        using var folder = new TempFolder();
        IVectorIndex index = Create(engine);
        try
        {
            var model = new NaiveIndex();
            foreach (int word in program)
            {
                long id = word % 23;
                float[] vector = TestData.Unit(new Random(word), Dimension);
                switch (word / 23 % 8)
                {
                    case 0 or 1 or 2 or 3 when !model.Vectors.ContainsKey(id):
                        index.Add(id, vector);
                        model.Vectors[id] = vector;
                        break;
                    case 0 or 1 or 2 or 3:
                        Should.Throw<DuplicateIdException>(() => index.Add(id, vector));
                        break;
                    case 4 when model.Vectors.ContainsKey(id):
                        index.Update(id, vector);
                        model.Vectors[id] = vector;
                        break;
                    case 5 or 6:
                        index.Remove(id).ShouldBe(model.Vectors.Remove(id));
                        break;
                    case 7:
                        index.Save(folder.File("s"));
                        index.Dispose();
                        index = Load(engine, folder.File("s"));
                        break;
                }

                Compare(index, model, word);
            }

            return true;
        }
        finally
        {
            index.Dispose();
        }
    }

    private static void Compare(IVectorIndex index, NaiveIndex model, int seed)
    {
        index.Count.ShouldBe(model.Vectors.Count);
        var results = new Neighbour[8];
        float[] query = TestData.Unit(new Random(~seed), Dimension);
        int n = index.Search(query, results, new SearchOptions { EfSearch = 64 }).Count;
        model.ShouldEqual(results.AsSpan(0, n), query, 8);
    }

    private static IVectorIndex Create(string engine) => engine switch
    {
        "flat" => new FlatIndex(new IndexOptions { Dimension = Dimension, MaxVectors = 1000 }),
        "hnsw" => new HnswIndex(new HnswOptions { Dimension = Dimension, M = 8, MaxVectors = 1000 }),
        _ => new TieredIndex(new TieredOptions { Dimension = Dimension, M = 8, MaxVectors = 1000, Crossover = 8 }),
    };

    private static IVectorIndex Load(string engine, string path) => engine switch
    {
        "flat" => FlatIndex.Load(path, VectorStorage.Mapped, new IndexOptions { MaxVectors = 1000 }),
        "hnsw" => HnswIndex.Load(path, VectorStorage.Mapped, new HnswOptions { MaxVectors = 1000 }),
        _ => TieredIndex.Load(path, VectorStorage.Mapped, new TieredOptions { MaxVectors = 1000, Crossover = 8 }),
    };
}

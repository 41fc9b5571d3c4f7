using FaceSearch.VectorIndex.Memory;

namespace FaceSearch.VectorIndex.Tests;

[Collection("Memory")]
[CollectionDefinition("Memory", DisableParallelization = true)]
public sealed class MemoryTests
{
    private static readonly float[][] s_rows = TestData.FaceLike(3000, 64, seed: 41);

    [Fact]
    public void Searches_and_inserts_allocate_nothing_in_steady_state()
    {
        using var flat = new FlatIndex(new IndexOptions { Dimension = 64, InitialCapacity = 4000, MaxVectors = 4000 });
        using var graph = new HnswIndex(new HnswOptions { Dimension = 64, InitialCapacity = 4000, MaxVectors = 4000 });
        foreach (IVectorIndex index in new IVectorIndex[] { flat, graph })
        {
            for (int i = 0; i < 2000; i++) index.Add(i, s_rows[i]);
            var results = new Neighbour[10];
            for (int i = 0; i < 50; i++) index.Search(s_rows[i], results);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 200; i++) index.Search(s_rows[i], results);
            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
            before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 2000; i < 2300; i++) index.Add(i, s_rows[i]);
            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        }
    }

    [Fact]
    public void A_thousand_build_and_dispose_cycles_leak_nothing()
    {
        long before = NativeRegion.LiveBytes;
        for (int cycle = 0; cycle < 1000; cycle++)
        {
            using var index = new HnswIndex(new HnswOptions { Dimension = 64, MaxVectors = 4000, EfConstruction = 16 });
            for (int i = 0; i < 20; i++) index.Add(i, s_rows[i]);
            index.Search(s_rows[0], new Neighbour[3]).Count.ShouldBe(3);
            index.Remove(4);
        }

        NativeRegion.LiveBytes.ShouldBe(before);
    }

    [Fact]
    public void Disposing_while_a_graph_is_built_in_the_background_ends_the_thread()
    {
        for (int cycle = 0; cycle < 20; cycle++)
        {
            var index = new TieredIndex(new TieredOptions { Dimension = 64, MaxVectors = 4000, Crossover = 500 });
            for (int i = 0; i < 600 + (cycle * 40); i++) index.Add(i, s_rows[i]);
            index.Dispose();
        }
    }
}

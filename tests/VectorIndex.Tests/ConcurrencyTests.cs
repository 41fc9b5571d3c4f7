using System.Collections.Concurrent;

namespace FaceSearch.VectorIndex.Tests;

public sealed class ConcurrencyTests
{
    private static readonly float[][] s_rows = TestData.FaceLike(4000, 64, seed: 31);

    public static TheoryData<string> Engines() => ["flat", "hnsw", "tiered"];

    /// <summary>
    /// Two writers own disjoint ids and keep an exact model each; two searchers check that every result is an id with a vector it has had,
    /// and that what is never touched is found: always by exact search, to within the recall by the graphs.
    /// </summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void Inserts_updates_removals_and_searches_together_leave_the_model_s_state(string engine)
    {
        using IVectorIndex index = Create(engine);
        const int Fixed = 500;
        for (int i = 0; i < Fixed; i++) index.Add(i, s_rows[i]);
        var failures = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource();
        var models = new Dictionary<long, int>[2];
        Thread[] writers = [.. Enumerable.Range(0, 2).Select(w => Start(() => models[w] = Write(index, w, Fixed), failures))];
        Thread[] searchers = [.. Enumerable.Range(0, 2).Select(s => Start(() => SearchUntil(index, s, Fixed, failures, engine == "flat", stop.Token), failures))];
        foreach (Thread t in writers) t.Join();
        stop.Cancel();
        foreach (Thread t in searchers) t.Join();
        failures.ShouldBeEmpty();

        (index as TieredIndex)?.Settle();
        if (index is HnswIndex graph) GraphInvariants.Check(graph);
        var expected = models.SelectMany(m => m).ToDictionary(m => m.Key, m => m.Value);
        index.Count.ShouldBe(Fixed + expected.Count);
        index.SnapshotIds().Order().ShouldBe(Enumerable.Range(0, Fixed).Select(i => (long)i).Concat(expected.Keys).Order());
        var vector = new float[64];
        foreach ((long id, int row) in expected)
        {
            index.TryGetVector(id, vector).ShouldBeTrue();
            vector.ShouldBe(s_rows[row]);
        }
    }

    private static IVectorIndex Create(string engine) => engine switch
    {
        "flat" => new FlatIndex(new IndexOptions { Dimension = 64, MaxVectors = 10_000 }),
        "hnsw" => new HnswIndex(new HnswOptions { Dimension = 64, M = 8, EfConstruction = 60, MaxVectors = 10_000 }),
        _ => new TieredIndex(new TieredOptions { Dimension = 64, M = 8, EfConstruction = 60, MaxVectors = 10_000, Crossover = 900, BuildThreads = 2 }),
    };

    private static Dictionary<long, int> Write(IVectorIndex index, int writer, int firstId)
    {
        var random = new Random(writer);
        var model = new Dictionary<long, int>();
        for (int step = 0; step < 4000; step++)
        {
            long id = firstId + (2 * random.Next(600)) + writer;
            int row = random.Next(s_rows.Length);
            bool present = model.ContainsKey(id);
            if (!present)
            {
                index.Add(id, s_rows[row]);
                model[id] = row;
            }
            else if (random.Next(3) == 0)
            {
                index.Update(id, s_rows[row]);
                model[id] = row;
            }
            else
            {
                index.Remove(id).ShouldBeTrue();
                model.Remove(id);
            }
        }

        return model;
    }

    private static void SearchUntil(IVectorIndex index, int searcher, int fixedIds, ConcurrentQueue<string> failures, bool exact, CancellationToken stop)
    {
        int searches = 0, missed = 0;
        var random = new Random(100 + searcher);
        var results = new Neighbour[10];
        while (!stop.IsCancellationRequested)
        {
            int target = random.Next(fixedIds);
            SearchOutcome outcome = index.Search(s_rows[target], results, new SearchOptions { EfSearch = 128 });
            ReadOnlySpan<Neighbour> found = results.AsSpan(0, outcome.Count);
            bool hit = false;
            for (int i = 0; i < found.Length; i++)
            {
                hit |= found[i].Id == target;
                if (i > 0 && found[i].Score > found[i - 1].Score) failures.Enqueue("results are out of order");
                if (found[i].Score > 1.0001f) failures.Enqueue($"score {found[i].Score} of id {found[i].Id}");
                for (int j = 0; j < i; j++)
                {
                    if (found[i].Id == found[j].Id) failures.Enqueue($"id {found[i].Id} twice");
                }
            }

            // The same row may have been given to other ids as well, but never to ten that rank before the target.
            searches++;
            if (!hit && found[^1].Score < 0.9999f)
            {
                missed++;
                if (exact) failures.Enqueue($"id {target} was not found");
            }
        }

        // A graph answers to within its recall, also while its links are being repaired; at rest GraphInvariants proves that all are reached.
        if (missed > 0) failures.Enqueue($"{missed} of {searches} searches missed what was never touched");
    }

    private static Thread Start(Action action, ConcurrentQueue<string> failures)
    {
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                failures.Enqueue(e.ToString());
            }
        });
        thread.Start();
        return thread;
    }
}

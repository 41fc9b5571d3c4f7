using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;
using FaceSearch.VectorIndex;

namespace FaceSearch.IndexBench.Rows;

/// <summary>A tenth of the ids is deleted, then given new vectors under the same ids: recall at equal ef after each stage, and the cost.</summary>
internal static class ChurnRow
{
    private const int Mod = 10, Rest = 3;
    private static readonly int[] EqualEf = [32, 64, 128];
    private static readonly string[] Stages = ["deleted", "re-inserted"];

    public static void Run(DataSet set, BenchSettings settings)
    {
        using Duel duel = Duel.WithIndexes(set, settings);
        using var exact = new FlatIndex(new IndexOptions { Dimension = DataSet.Dimension, InitialCapacity = set.Count });
        Parallel.For(0, set.Count, i => exact.Add(i, set.Base.AsSpan(i * DataSet.Dimension, DataSet.Dimension)));
        int extra = set.Extra.Length / DataSet.Dimension;
        int[] gone = [.. Enumerable.Range(0, set.Count).Where(i => i % Mod == Rest)];
        int back = Math.Min(gone.Length, extra);
        Dictionary<int, int> replaced = gone.Take(back).Index().ToDictionary(p => p.Item, p => p.Index);

        var table = new ResultTable($"churn-{set.Name}", $"Delete a tenth and re-insert, {set.Name}", ["index", "stage", "operations/s", .. EqualEf.Select(ef => $"r@1 at ef {ef}")])
        {
            Note = $"{gone.Length} of {set.Count} deleted, {back} new vectors put in under their ids (hnswlib: addPoint under a deleted label). One thread, processor time; recall against exact search of what is held at that stage. 'Built anew' is a graph of just what is held: how hard that stage is by itself.",
        };
        duel.PinToOneCore();
        Dictionary<(Worker, string), double[]> recall = [];
        Dictionary<(Worker, string), double> speed = [];
        double behind = double.NegativeInfinity;
        void Stage(string stage, Func<Worker, Answer?> act)
        {
            GroundTruth truth = GroundTruth.Of(exact, set.Queries, id => replaced.TryGetValue(id, out int at) && stage == "re-inserted"
                ? set.Extra.AsSpan(at * DataSet.Dimension, DataSet.Dimension)
                : set.Base.AsSpan(id * DataSet.Dimension, DataSet.Dimension));
            foreach (Worker side in duel.Both)
            {
                Answer? done = act(side);
                speed[(side, stage)] = done is null ? double.NaN : done["count"] / done["cpu"];
                recall[(side, stage)] = [.. EqualEf.Select(ef => BuildRow.RecallAt(set, settings, truth, side, ef).All)];
                table.Add([side.Name, stage, speed[(side, stage)], .. recall[(side, stage)].Select(r => (object)r)]);
            }

            if (stage == "before") return;
            double[] anew = BuiltAnew(exact, set, truth);
            table.Add(["FaceSearch, built anew", stage, double.NaN, .. anew.Select(r => (object)r)]);
            behind = Math.Max(behind, anew.Zip(recall[(duel.Ours, stage)], (a, r) => a - r).Max());
        }

        Stage("before", _ => null);
        foreach (int id in gone) exact.Remove(id);
        Stage("deleted", side => side.Ask($"delete {Mod} {Rest} {set.Count}"));
        foreach ((int id, int at) in replaced) exact.Add(id, set.Extra.AsSpan(at * DataSet.Dimension, DataSet.Dimension));
        Stage("re-inserted", side => side.Ask($"readd extra 0 {back}"));
        table.Write(settings);

        double Fall(Worker side) => EqualEf.Index().Max(e => Stages.Max(s => recall[(side, "before")][e.Index] - recall[(side, s)][e.Index]));
        double ratio = speed[(duel.Ours, "re-inserted")] / speed[(duel.Peer, "re-inserted")];
        Findings.Report(settings,
            new Finding($"churn {set.Name}: greatest fall of r@1 at equal ef", "at most", 0.005, Fall(duel.Ours), $"hnswlib {Fall(duel.Peer):F4}"),
            new Finding($"churn {set.Name}: greatest r@1 behind a graph built anew of what is held", "at most", 0.005, behind, "the same fall as above, less what is due to the changed contents"),
            new Finding($"churn {set.Name}: re-inserts/s against replace", "at least", 8, ratio, $"{speed[(duel.Ours, "re-inserted")]:F0} against {speed[(duel.Peer, "re-inserted")]:F0}; our deletes {speed[(duel.Ours, "deleted")]:F0}/s"));
    }

    /// <summary>r@1 at each ef of a graph built from what an exact index holds.</summary>
    private static double[] BuiltAnew(FlatIndex exact, DataSet set, GroundTruth truth)
    {
        using var graph = new HnswIndex(new HnswOptions { Dimension = DataSet.Dimension, M = BenchSettings.M, EfConstruction = BenchSettings.EfConstruction });
        var threads = new ParallelOptions { MaxDegreeOfParallelism = BenchSettings.Threads };
        Parallel.ForEach(exact.SnapshotIds(), threads, () => new float[DataSet.Dimension], (id, _, vector) =>
        {
            exact.TryGetVector(id, vector);
            graph.Add(id, vector);
            return vector;
        }, _ => { });
        return [.. EqualEf.Select(ef =>
        {
            int right = 0;
            Parallel.For(0, set.QueryCount, threads, q =>
            {
                Span<Neighbour> found = stackalloc Neighbour[GroundTruth.K];
                SearchOutcome outcome = graph.Search(set.Queries.AsSpan(q * DataSet.Dimension, DataSet.Dimension), found, new SearchOptions { EfSearch = ef });
                if (outcome.Count > 0 && truth.FirstIsRight(q, (int)found[0].Id)) Interlocked.Increment(ref right);
            });
            return (double)right / set.QueryCount;
        })];
    }
}

using System.Runtime.InteropServices;
using FaceSearch.VectorIndex;

namespace FaceSearch.IndexBench.Data;

/// <summary>The true nearest neighbours of the queries, by exact scan, itself checked against a plain loop in double precision.</summary>
internal sealed class GroundTruth
{
    public const int K = 10;
    private const int Checked = 50;
    private readonly Neighbour[] _best;
    private readonly Func<int, ReadOnlySpan<float>> _row;
    private readonly float[] _queries;

    private GroundTruth(Neighbour[] best, float[] queries, Func<int, ReadOnlySpan<float>> row)
    {
        _best = best;
        _queries = queries;
        _row = row;
    }

    /// <summary>Truth of a data set as it is; kept beside it.</summary>
    public static GroundTruth Of(DataSet set)
    {
        string path = Path.Combine(set.Folder, "truth.bin");
        if (!File.Exists(path))
        {
            Console.WriteLine($"exact neighbours of {set.Name} ...");
            using var index = new FlatIndex(new IndexOptions { Dimension = DataSet.Dimension, InitialCapacity = set.Count });
            for (int i = 0; i < set.Count; i++) index.Add(i, set.Base.AsSpan(i * DataSet.Dimension, DataSet.Dimension));
            Neighbour[] best = Search(index, set.Queries);
            CheckAgainstPlainScan(set, best);
            File.WriteAllBytes(path, MemoryMarshal.AsBytes(best.AsSpan()).ToArray());
        }

        return new GroundTruth(MemoryMarshal.Cast<byte, Neighbour>(File.ReadAllBytes(path)).ToArray(), set.Queries,
            id => set.Base.AsSpan(id * DataSet.Dimension, DataSet.Dimension));
    }

    /// <summary>Truth of what an index holds now; <paramref name="row"/> gives the vector of an id.</summary>
    public static GroundTruth Of(FlatIndex index, float[] queries, Func<int, ReadOnlySpan<float>> row) => new(Search(index, queries), queries, row);

    public float BestScore(int query) => _best[query * K].Score;

    /// <summary>
    /// True if the first id found is the nearest neighbour, or one that scores the same to within 1e-6.
    /// </summary>
    public bool FirstIsRight(int query, int found)
    {
        if (found < 0) return false;
        if (_best[query * K].Id == found) return true;
        return Dot(_queries.AsSpan(query * DataSet.Dimension, DataSet.Dimension), _row(found)) >= BestScore(query) - 1e-6;
    }

    /// <summary>How many of the true best ten are among the ids found.</summary>
    public int Overlap(int query, ReadOnlySpan<int> found)
    {
        int n = 0;
        for (int i = 0; i < K; i++)
        {
            if (found.Contains((int)_best[(query * K) + i].Id)) n++;
        }

        return n;
    }

    private static Neighbour[] Search(FlatIndex index, float[] queries)
    {
        int count = queries.Length / DataSet.Dimension;
        Neighbour[] best = new Neighbour[count * K];
        Parallel.ForEach(Enumerable.Range(0, count).Chunk(256), part =>
            index.SearchBatch(queries.AsSpan(part[0] * DataSet.Dimension, part.Length * DataSet.Dimension), K,
                best.AsSpan(part[0] * K, part.Length * K), new SearchOutcome[part.Length]));
        return best;
    }

    private static void CheckAgainstPlainScan(DataSet set, Neighbour[] best)
    {
        float[] rows = set.Base, queries = set.Queries;
        int step = Math.Max(1, set.QueryCount / Checked);
        Parallel.For(0, Math.Min(Checked, set.QueryCount), c =>
        {
            int q = c * step;
            ReadOnlySpan<float> query = queries.AsSpan(q * DataSet.Dimension, DataSet.Dimension);
            double top = double.NegativeInfinity;
            for (int i = 0; i < rows.Length; i += DataSet.Dimension) top = Math.Max(top, Dot(query, rows.AsSpan(i, DataSet.Dimension)));
            if (Math.Abs(top - best[q * K].Score) > 1e-5) throw new InvalidOperationException($"Exact scan of query {q} disagrees with the plain loop.");
        });
    }

    private static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += (double)a[i] * b[i];
        return sum;
    }
}

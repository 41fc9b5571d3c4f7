using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>FaceSearch and hnswlib as two child processes over one data set, with indexes built or reopened.</summary>
internal sealed class Duel : IDisposable
{
    private readonly BenchSettings _settings;

    private Duel(DataSet set, BenchSettings settings)
    {
        Set = set;
        _settings = settings;
        Both = [Ours, Peer];
        foreach (Worker side in Both)
        {
            side.Ask($"load base {set.BasePath} {DataSet.Dimension}");
            side.Ask($"load queries {set.QueryPath} {DataSet.Dimension}");
            side.Ask($"load extra {set.ExtraPath} {DataSet.Dimension}");
        }
    }

    public DataSet Set { get; }
    public Worker Ours { get; } = Worker.FaceSearch();
    public Worker Peer { get; } = Worker.Hnswlib();
    public Worker[] Both { get; }

    /// <summary>Spare room for the rows that insert.</summary>
    public int Capacity => Set.Count + 20_000;

    /// <summary>Two processes with nothing but the data.</summary>
    public static Duel Empty(DataSet set, BenchSettings settings) => new(set, settings);

    /// <summary>Two processes with indexes of the whole data set: reopened if they were saved (ours: by this very build of the library), else built now.</summary>
    public static Duel WithIndexes(DataSet set, BenchSettings settings)
    {
        if (!File.Exists(SavedPath(set, "FaceSearch")) || !File.Exists(SavedPath(set, "hnswlib"))) BuildRow.Run(set, settings);
        var duel = new Duel(set, settings);
        foreach (Worker side in duel.Both) side.Ask($"open hnsw memory {SavedPath(set, side.Name)} {duel.Capacity}");
        return duel;
    }

    /// <summary>Where a side's index of a data set is kept between runs.</summary>
    public static string SavedPath(DataSet set, string side) => Path.Combine(set.Folder, side == "FaceSearch"
        ? $"FaceSearch-{typeof(VectorIndex.IVectorIndex).Assembly.ManifestModule.ModuleVersionId:N}.index"
        : side + ".index");

    /// <summary>Both sides in an order that alternates from round to round.</summary>
    public IEnumerable<Worker> InOrder(int round) => round % 2 == 0 ? Both : Both.Reverse();

    /// <summary>Confines both sides to the core of single-threaded measurements.</summary>
    public void PinToOneCore()
    {
        foreach (Worker side in Both) side.Pin(_settings.Core.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        foreach (Worker side in Both) side.Dispose();
    }
}

/// <summary>Small statistics.</summary>
internal static class Statistics
{
    public static double Median(this IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}

using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>FaceSearch and hnswlib as two child processes over one data set, with indexes built or reopened.</summary>
internal sealed class Duel : IDisposable
{
    private const string OursPrefix = "FaceSearch-";
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
        if (!File.Exists(SavedPath(set, "hnswlib", settings))) BuildRow.Run(set, settings);
        if (!File.Exists(SavedPath(set, "FaceSearch", settings))) BuildOurs(set, settings);
        var duel = new Duel(set, settings);
        foreach (Worker side in duel.Both) side.Ask($"open hnsw memory {SavedPath(set, side.Name, settings)} {duel.Capacity}");
        return duel;
    }

    /// <summary>
    /// Where a side's index of a data set is kept between runs. Ours is that of this very build of the library, unless the settings
    /// say to keep an older one.
    /// </summary>
    public static string SavedPath(DataSet set, string side, BenchSettings settings)
    {
        if (side != "FaceSearch") return Path.Combine(set.Folder, side + ".index");
        string own = Path.Combine(set.Folder, $"{OursPrefix}{typeof(VectorIndex.IVectorIndex).Assembly.ManifestModule.ModuleVersionId:N}.index");
        if (!settings.KeepIndex || File.Exists(own)) return own;
        return Directory.GetFiles(set.Folder, OursPrefix + "*").MaxBy(File.GetLastWriteTimeUtc) ?? own;
    }

    private static void BuildOurs(DataSet set, BenchSettings settings)
    {
        Console.WriteLine($"building our index of {set.Name} ...");
        foreach (string old in Directory.GetFiles(set.Folder, OursPrefix + "*")) File.Delete(old);
        using Worker side = Worker.FaceSearch();
        side.Ask($"load base {set.BasePath} {DataSet.Dimension}");
        side.Ask($"new hnsw memory {set.Count} {BenchSettings.M} {BenchSettings.EfConstruction}");
        side.Ask($"add base 0 {set.Count} 0 {BenchSettings.Threads}");
        side.Ask($"save {SavedPath(set, side.Name, settings)}");
    }

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

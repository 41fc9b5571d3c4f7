using System.Globalization;
using System.Runtime.InteropServices;
using FaceSearch.Http;

namespace FaceSearch.ServerBench.Cluster;

/// <summary>What bench/ScaleModel compares itself with, and is fed with.</summary>
internal static class ScaleFiles
{
    /// <summary>Searches kept, at most: every nth of them.</summary>
    private const int MostSearches = 4_000;

    /// <param name="settings">Names the folder.</param>
    /// <param name="due">Seconds.</param>
    /// <param name="took">Milliseconds from then to the answer.</param>
    /// <param name="answers">In the same order.</param>
    /// <param name="searches">Milliseconds of each search of one index of a shard's size, in the same process as the client.</param>
    public static void Write(ClusterSettings settings, double[] due, double[] took, IdentifyResponse[] answers, List<double> searches)
    {
        string folder = settings.Scale!.FullName;
        Directory.CreateDirectory(folder);
        string where = string.Create(CultureInfo.InvariantCulture,
            $"{settings.Identities} identities in {ClusterSettings.Shards} shards of about {settings.Identities / ClusterSettings.Shards}; {RuntimeInformation.OSDescription}, {Environment.ProcessorCount} cores for client, gateway, silos and PostgreSQL together; load average {Report.LoadAverage()}");
        File.WriteAllLines(Path.Combine(folder, "identify.csv"),
        [
            $"# Identifications by embedding over HTTP, {ClusterSettings.MostSilos} silos and a gateway; {where}",
            string.Create(CultureInfo.InvariantCulture, $"# Poisson arrivals, {settings.Rate} a second for {settings.Seconds} s; latency from when each was due; search_us: all grain calls, as the gateway saw them"),
            "latency_us,search_us,due_s",
            .. due.Select((at, i) => string.Create(CultureInfo.InvariantCulture, $"{1e3 * took[i]:0.0},{1e3 * answers[i].Timings.SearchMs:0.0},{at:0.0000}")),
        ]);
        int step = Math.Max(1, (searches.Count + MostSearches - 1) / MostSearches);
        File.WriteAllLines(Path.Combine(folder, "shard.csv"),
        [
            $"# One search of one shard's index, on one thread, eight indexes in turn; {where}",
            "latency_us",
            // A step that shares no factor with the number of shards takes from all of them.
            .. searches.Where((_, i) => i % (step | 1) == 0).Select(ms => (1e3 * ms).ToString("0.0", CultureInfo.InvariantCulture)),
        ]);
    }
}

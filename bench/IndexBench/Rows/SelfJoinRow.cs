using System.Runtime.InteropServices;
using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>All against all: the ten nearest others of every vector, exactly, on two threads, beside faiss's flat index; in alternating portions.</summary>
internal static class SelfJoinRow
{
    private const int Portions = 10, K = 10;

    public static void Run(DataSet set, BenchSettings settings)
    {
        using Worker ours = Worker.FaceSearch(), peer = Worker.Faiss();
        ours.Ask($"load base {set.BasePath} {DataSet.Dimension}");
        ours.Ask($"new flat memory {set.Count} {BenchSettings.M} {BenchSettings.EfConstruction}");
        ours.Ask($"add base 0 {set.Count} 0 {BenchSettings.Threads}");
        peer.Ask($"load {set.BasePath} {DataSet.Dimension}");
        string oursPath = Path.Combine(settings.WorkFolder, "join-ours.i32"), peerPath = Path.Combine(settings.WorkFolder, "join-peer.i32");
        List<Answer> oursTimes = [], peerTimes = [];
        long same = 0, all = 0;
        ours.Ask($"selfjoin 0 {Math.Min(2000, set.Count)} {K} {BenchSettings.Threads} {oursPath}");
        for (int p = 0; p < Portions; p++)
        {
            string range = $"selfjoin {(long)set.Count * p / Portions} {(long)set.Count * (p + 1) / Portions} {K} {BenchSettings.Threads}";
            if (p % 2 == 0) oursTimes.Add(ours.Ask($"{range} {oursPath}"));
            peerTimes.Add(peer.Ask($"{range} {peerPath}"));
            if (p % 2 == 1) oursTimes.Add(ours.Ask($"{range} {oursPath}"));
            ReadOnlySpan<int> a = MemoryMarshal.Cast<byte, int>(File.ReadAllBytes(oursPath)), b = MemoryMarshal.Cast<byte, int>(File.ReadAllBytes(peerPath));
            for (int i = 0; i < a.Length; i += K + 1)
            {
                all += K + 1;
                foreach (int id in a.Slice(i, K + 1))
                {
                    if (b.Slice(i, K + 1).Contains(id)) same++;
                }
            }
        }

        File.Delete(oursPath);
        File.Delete(peerPath);
        var table = new ResultTable($"selfjoin-{set.Name}", $"All-against-all self-join, {set.Name}", "index", "seconds (wall)", "seconds (processor, both threads)", "agreement")
        {
            Note = $"The {K} nearest others of every vector, exact, {BenchSettings.Threads} threads, {Portions} portions, the sides alternating.",
        };
        table.Add("FaceSearch", oursTimes.Sum(a => a["wall"]), oursTimes.Sum(a => a["cpu"]), (double)same / all);
        table.Add("faiss IndexFlatIP", peerTimes.Sum(a => a["wall"]), peerTimes.Sum(a => a["cpu"]), 1.0);
        table.Write(settings);
        Findings.Report(settings, new Finding($"self-join {set.Name}: speed against faiss flat", "at least", 1, peerTimes.Sum(a => a["cpu"]) / oursTimes.Sum(a => a["cpu"]),
            $"processor time {oursTimes.Sum(a => a["cpu"]):F1} s against {peerTimes.Sum(a => a["cpu"]):F1} s; wall {oursTimes.Sum(a => a["wall"]):F1} against {peerTimes.Sum(a => a["wall"]):F1}; same neighbours {(double)same / all:P3}"));
    }
}

using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>Resident bytes a vector of a loaded index that has answered queries, and the time from a file to the first answer.</summary>
internal static class MemoryRow
{
    public static void Run(DataSet set, BenchSettings settings)
    {
        using (Duel.WithIndexes(set, settings))
        {
            // Only to make sure that both indexes are saved.
        }

        (string Name, Func<Worker> Start, string Storage)[] sides =
        [
            ("FaceSearch, f32 kept", Worker.FaceSearch, "memory"), ("FaceSearch, f32 mapped", Worker.FaceSearch, "mapped"),
            ("FaceSearch, codes only", Worker.FaceSearch, "codesonly"), ("hnswlib", Worker.Hnswlib, "memory"),
        ];
        List<Loaded>[] runs = [.. sides.Select(_ => new List<Loaded>())];
        for (int round = 0; round < settings.Rounds; round++)
        {
            for (int i = 0; i < sides.Length; i++)
            {
                int s = round % 2 == 0 ? i : sides.Length - 1 - i;
                runs[s].Add(Load(set, settings, sides[s].Start, sides[s].Storage));
            }
        }

        var table = new ResultTable($"memory-{set.Name}", $"Memory and load, {set.Name}", "index", "bytes/vector, own memory", "bytes/vector, file pages touched", "load to first answer, s (processor)", "(wall)")
        {
            Note = $"A fresh process opens the saved index (warm page cache), answers once (load), then 2,000 queries at ef = 64, then memory is read (RssAnon, RssFile; less what the process had before). Medians of {settings.Rounds} alternating rounds. File pages belong to the page cache and can be dropped by the system at any time.",
        };
        for (int s = 0; s < sides.Length; s++)
            table.Add(sides[s].Name, Median(runs[s], r => r.Own), Median(runs[s], r => r.File), Median(runs[s], r => r.Cpu), Median(runs[s], r => r.Wall));
        table.Write(settings);
        double peer = Median(runs[3], r => r.Own);
        Findings.Report(settings,
            new Finding($"memory {set.Name}: f32 kept", "at most", 1.0, Median(runs[0], r => r.Own) / peer, $"{Median(runs[0], r => r.Own):F0} against {peer:F0} bytes/vector, own memory"),
            new Finding($"memory {set.Name}: f32 mapped", "at most", 0.4, Median(runs[1], r => r.Own) / peer, $"{Median(runs[1], r => r.Own):F0} bytes/vector own memory, and {Median(runs[1], r => r.File):F0} of file pages touched by 2,000 queries"),
            new Finding($"load {set.Name}: to first answer", "at most", 0.5, Median(runs[1], r => r.Wall) / Median(runs[3], r => r.Wall),
                $"vectors mapped, wall {Median(runs[1], r => r.Wall):F2} s against {Median(runs[3], r => r.Wall):F2} s; with vectors copied to memory {Median(runs[0], r => r.Wall):F2} s; processor {Median(runs[1], r => r.Cpu):F2} and {Median(runs[0], r => r.Cpu):F2} against {Median(runs[3], r => r.Cpu):F2}"));
    }

    private static double Median(List<Loaded> runs, Func<Loaded, double> of) => runs.Select(of).Median();

    private static Loaded Load(DataSet set, BenchSettings settings, Func<Worker> start, string storage)
    {
        using Worker side = start();
        side.Ask($"load queries {set.QueryPath} {DataSet.Dimension}");
        Answer before = side.Ask("memory");
        Answer open = side.Ask($"open hnsw {storage} {Duel.SavedPath(set, side.Name, settings)} {set.Count}");
        side.Ask($"search 64 10 0 {Math.Min(2000, set.QueryCount)} 1 - -");
        Answer after = side.Ask("memory");
        return new Loaded((after["anon"] - before["anon"]) / set.Count, (after["file"] - before["file"]) / set.Count, open["first_cpu"], open["first_wall"]);
    }

    private sealed record Loaded(double Own, double File, double Cpu, double Wall);
}

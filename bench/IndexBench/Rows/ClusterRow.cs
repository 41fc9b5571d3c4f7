using System.Globalization;
using System.Runtime.InteropServices;
using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;
using FaceSearch.VectorIndex;
using FaceSearch.VectorIndex.Clustering;

namespace FaceSearch.IndexBench.Rows;

/// <summary>
/// Grouping of real templates beside scikit-learn, on the same bytes. People are split into halves; every method takes the threshold
/// that is best (B-cubed F) on one half and is judged on the other, both ways, over several random splits.
/// </summary>
internal static class ClusterRow
{
    private const int Splits = 5;
    private static readonly float[] Scores = [.. Enumerable.Range(0, 19).Select(i => 0.36f + (0.01f * i))];
    private static readonly float[] DbscanScores = [.. Enumerable.Range(0, 16).Select(i => 0.42f + (0.015f * i))];

    public static void Run(BenchSettings settings)
    {
        (float[] vectors, long[] people) = RealTemplates.Read();
        using Worker sklearn = Worker.Sklearn();
        Method[] methods =
        [
            new("FaceSearch, evidence linkage", [.. Enumerable.Range(0, 15).Select(i => 0.45f + (0.01f * i))], (half, scores) => Sweep(half, Linkage.Evidence, scores)),
            new("FaceSearch, average linkage", Scores, (half, scores) => Sweep(half, Linkage.Average, scores)),
            new("scikit-learn DBSCAN, min_samples 2", DbscanScores, (half, scores) => Ask(sklearn, half, settings, $"sweep-dbscan 2 OUT {Join(scores)}")),
            new("scikit-learn DBSCAN, min_samples 3", DbscanScores, (half, scores) => Ask(sklearn, half, settings, $"sweep-dbscan 3 OUT {Join(scores)}")),
            new("scikit-learn average linkage", Scores, (half, scores) => Ask(sklearn, half, settings, $"sweep-average OUT {Join(scores)}")),
        ];
        for (int split = 0; split < Splits; split++)
        {
            (Half first, Half second) = Half.Split(vectors, people, split);
            foreach (Method method in methods) method.Judge(first, second);
            Console.WriteLine($"  split {split + 1} of {Splits}");
        }

        double[][] seconds = Time(sklearn, settings, methods, vectors, people);
        Write(settings, methods, seconds);
    }

    private static void Write(BenchSettings settings, Method[] methods, double[][] seconds)
    {
        var table = new ResultTable("cluster", "Grouping of real templates (LFW), choosing on one half of the people and judging on the other",
            "method", "threshold (mean)", "B-cubed F", "worst", "B-cubed precision", "B-cubed recall", "pairwise F", "worst pairwise F", "groups / people", "seconds (processor)", "seconds (wall)")
        {
            Note = $"Means over {Splits} random splits by person, both ways. Every method takes its best threshold by B-cubed F on the other half. Time: all templates at once, one thread, the index included, medians of {settings.Rounds} alternating rounds. DBSCAN's noise counts as groups of one.",
        };
        for (int m = 0; m < methods.Length; m++)
        {
            List<ClusterMetrics> judged = methods[m].Judged;
            table.Add(methods[m].Name, methods[m].Chosen.Average(t => (double)t), judged.Average(x => x.BCubedF), judged.Min(x => x.BCubedF), judged.Average(x => x.BCubedPrecision), judged.Average(x => x.BCubedRecall),
                judged.Average(x => x.PairF), judged.Min(x => x.PairF), judged.Average(x => (double)x.Groups / x.Classes), seconds[m][0], seconds[m][1]);
        }

        table.Write(settings);
        foreach ((int peer, string name) in new[] { (2, "DBSCAN"), (4, "average linkage") })
        {
            Findings.Report(settings,
                new Finding($"cluster: B-cubed F less scikit-learn {name}'s", "at least", 0, methods[0].Judged.Average(x => x.BCubedF) - methods[peer].Judged.Average(x => x.BCubedF),
                    $"{methods[0].Judged.Average(x => x.BCubedF):F4} against {methods[peer].Judged.Average(x => x.BCubedF):F4}; better in {methods[0].Judged.Zip(methods[peer].Judged).Count(p => p.First.BCubedF > p.Second.BCubedF)} of {2 * Splits} halves"),
                new Finding($"cluster: pairwise F less scikit-learn {name}'s", "at least", 0, methods[0].Judged.Average(x => x.PairF) - methods[peer].Judged.Average(x => x.PairF),
                    $"{methods[0].Judged.Average(x => x.PairF):F4} against {methods[peer].Judged.Average(x => x.PairF):F4}"),
                new Finding($"cluster: speed against scikit-learn {name}", "at least", 1, seconds[peer][0] / seconds[0][0],
                    $"processor time {seconds[0][0]:F2} s against {seconds[peer][0]:F2} s; wall {seconds[0][1]:F2} against {seconds[peer][1]:F2}"));
        }
    }

    /// <summary>Processor and wall seconds of each method over everything, one thread.</summary>
    private static double[][] Time(Worker sklearn, BenchSettings settings, Method[] methods, float[] vectors, long[] people)
    {
        var all = new Half(vectors, people);
        string path = all.WriteTo(settings), labels = Path.Combine(settings.WorkFolder, "labels.i32");
        sklearn.Ask($"load {path} {DataSet.Dimension}");
        sklearn.Pin(settings.Core.ToString(CultureInfo.InvariantCulture));
        string[] commands = ["", "", $"dbscan {Join([methods[2].Chosen.Average()])} 2 {labels}", $"dbscan {Join([methods[3].Chosen.Average()])} 3 {labels}", $"average {Join([methods[4].Chosen.Average()])} {labels}"];
        List<double>[] cpu = [.. methods.Select(_ => new List<double>())], wall = [.. methods.Select(_ => new List<double>())];
        for (int round = 0; round < settings.Rounds; round++)
        {
            for (int i = 0; i < methods.Length; i++)
            {
                int m = round % 2 == 0 ? i : methods.Length - 1 - i;
                (double cpuStart, double wallStart) = (Clock.Process, Clock.Wall);
                if (m < 2) Group(all, m == 0 ? Linkage.Evidence : Linkage.Average, methods[m].Chosen.Average());
                Answer? answer = m < 2 ? null : sklearn.Ask(commands[m]);
                cpu[m].Add(answer?["cpu"] ?? (Clock.Process - cpuStart));
                wall[m].Add(answer?["wall"] ?? (Clock.Wall - wallStart));
            }
        }

        return [.. methods.Select((_, m) => new[] { cpu[m].Median(), wall[m].Median() })];
    }

    private static long[][] Sweep(Half half, Linkage linkage, float[] scores) => [.. scores.Select(score => Group(half, linkage, score))];

    private static long[] Group(Half half, Linkage linkage, float score)
    {
        using var index = new FlatIndex(new IndexOptions { Dimension = DataSet.Dimension, InitialCapacity = half.People.Length });
        long[] ids = [.. Enumerable.Range(0, half.People.Length).Select(i => (long)i)];
        foreach (long id in ids) index.Add(id, half.Vectors.AsSpan((int)id * DataSet.Dimension, DataSet.Dimension));
        var model = new ClusterModel(index, new ClusterOptions { Linkage = linkage, Threshold = score, Threads = 1 });
        model.Add(ids);
        long[] labels = new long[ids.Length];
        foreach (long[] group in model.Groups())
        {
            foreach (long id in group) labels[id] = group[0];
        }

        return labels;
    }

    private static long[][] Ask(Worker sklearn, Half half, BenchSettings settings, string command)
    {
        string labels = Path.Combine(settings.WorkFolder, "labels.i32");
        sklearn.Ask($"load {half.WriteTo(settings)} {DataSet.Dimension}");
        sklearn.Ask(command.Replace("OUT", labels, StringComparison.Ordinal));
        int[] all = MemoryMarshal.Cast<byte, int>(File.ReadAllBytes(labels)).ToArray();
        return [.. all.Chunk(half.People.Length).Select(part => part.Select(l => (long)l).ToArray())];
    }

    private static string Join(IEnumerable<float> scores) => string.Join(' ', scores.Select(s => s.ToString("F4", CultureInfo.InvariantCulture)));

    /// <summary>A method, the thresholds it may take, and how it did.</summary>
    private sealed record Method(string Name, float[] Scores, Func<Half, float[], long[][]> Sweep)
    {
        public List<ClusterMetrics> Judged { get; } = [];

        public List<float> Chosen { get; } = [];

        public void Judge(Half first, Half second)
        {
            ClusterMetrics[] a = [.. Sweep(first, Scores).Select(labels => ClusterMetrics.Of(first.People, labels))];
            ClusterMetrics[] b = [.. Sweep(second, Scores).Select(labels => ClusterMetrics.Of(second.People, labels))];
            Take(a, b);
            Take(b, a);
        }

        private void Take(ClusterMetrics[] choose, ClusterMetrics[] judge)
        {
            int best = Enumerable.Range(0, Scores.Length).MaxBy(i => choose[i].BCubedF);
            Chosen.Add(Scores[best]);
            Judged.Add(judge[best]);
        }
    }

    /// <summary>Templates of some of the people.</summary>
    private sealed record Half(float[] Vectors, long[] People)
    {
        public static (Half First, Half Second) Split(float[] vectors, long[] people, int seed)
        {
            long[] names = [.. people.Distinct().Order()];
            new Random(seed).Shuffle(names);
            HashSet<long> first = [.. names.Take(names.Length / 2)];
            return (Of(vectors, people, first.Contains), Of(vectors, people, p => !first.Contains(p)));
        }

        public string WriteTo(BenchSettings settings)
        {
            string path = Path.Combine(settings.WorkFolder, "half.f32");
            DataSet.WriteFloats(path, Vectors);
            return path;
        }

        private static Half Of(float[] vectors, long[] people, Func<long, bool> wanted)
        {
            int[] rows = [.. Enumerable.Range(0, people.Length).Where(i => wanted(people[i]))];
            return new Half([.. rows.SelectMany(i => vectors.AsSpan(i * DataSet.Dimension, DataSet.Dimension).ToArray())], [.. rows.Select(i => people[i])]);
        }
    }
}

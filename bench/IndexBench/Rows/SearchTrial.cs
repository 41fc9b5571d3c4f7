using System.Globalization;
using System.Runtime.InteropServices;
using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Reports;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench.Rows;

/// <summary>What a side finds at one ef, over all queries.</summary>
/// <param name="All">r@1 of all queries.</param>
/// <param name="Mated">r@1 of mated queries.</param>
/// <param name="MatedAbove">r@1 of mated queries whose best true score passes the decision threshold.</param>
/// <param name="Ten">r@10 of all queries.</param>
/// <param name="StoppedEarly">Share of searches that ended by early decision.</param>
internal sealed record Found(double All, double Mated, double MatedAbove, double Ten, double StoppedEarly);

/// <summary>Interleaved searches of several sides at several settings: one untimed pass over all queries for recall, then timed rounds.</summary>
internal sealed class SearchTrial(DataSet set, GroundTruth truth, BenchSettings settings)
{
    private const double SecondsPerSlice = 0.5;
    private readonly bool[] _mated = set.Mated;

    /// <summary>One setting of one side.</summary>
    /// <param name="Side">Who searches.</param>
    /// <param name="Ef">ef.</param>
    /// <param name="Decision">Decision threshold of an early stop; null for none.</param>
    internal sealed record Setting(Worker Side, int Ef, float? Decision)
    {
        public string Command(int from, int to, string path) => string.Create(CultureInfo.InvariantCulture,
            $"search {Ef} {GroundTruth.K} {from} {to} 1 {(Decision is { } d ? d : "-")} {path}");
    }

    /// <summary>One setting's outcome: medians over the rounds.</summary>
    internal sealed record Measured(Setting Setting, Found Found, double QueriesPerSecond, double P50, double P99)
    {
        public CurvePoint Point(Func<Found, double> recall) => new(Setting.Ef, recall(Found), QueriesPerSecond, P99);
    }

    /// <summary>Score that a best hit must reach to count as a match in <see cref="Found.MatedAbove"/>.</summary>
    public float Threshold { get; init; } = float.NegativeInfinity;

    /// <summary>Runs all settings. The order of sides alternates from round to round.</summary>
    public IReadOnlyList<Measured> Run(IReadOnlyList<Setting> settingsToRun)
    {
        int queries = set.QueryCount;
        string path = Path.Combine(settings.WorkFolder, $"found-{Environment.ProcessId}.i32");
        var found = new Found[settingsToRun.Count];
        int[] slice = new int[settingsToRun.Count];
        for (int s = 0; s < settingsToRun.Count; s++)
        {
            Answer answer = settingsToRun[s].Side.Ask(settingsToRun[s].Command(0, queries, path));
            found[s] = Judge(MemoryMarshal.Cast<byte, int>(File.ReadAllBytes(path)), 0, queries, answer);
            slice[s] = Math.Clamp((int)(SecondsPerSlice * queries / answer["busy"]), Math.Min(200, queries), queries);
        }

        List<Answer>[] answers = [.. settingsToRun.Select(_ => new List<Answer>())];
        for (int round = 0; round < settings.Rounds; round++)
        {
            for (int i = 0; i < settingsToRun.Count; i++)
            {
                int s = round % 2 == 0 ? i : settingsToRun.Count - 1 - i;
                int from = (int)((long)round * slice[s] % Math.Max(1, queries - slice[s] + 1));
                answers[s].Add(settingsToRun[s].Side.Ask(settingsToRun[s].Command(from, from + slice[s], "-")));
            }
        }

        File.Delete(path);
        return [.. settingsToRun.Select((setting, s) => new Measured(setting, found[s],
            answers[s].Select(a => slice[s] / a["busy"]).Median(), answers[s].Select(a => a["p50"]).Median(), answers[s].Select(a => a["p99"]).Median()))];
    }

    /// <summary>Compares ids found, K a query, with the truth.</summary>
    public Found Judge(ReadOnlySpan<int> ids, int from, int to, Answer answer)
    {
        int right = 0, mated = 0, matedRight = 0, above = 0, aboveRight = 0;
        long ten = 0;
        for (int q = from; q < to; q++)
        {
            ReadOnlySpan<int> row = ids.Slice((q - from) * GroundTruth.K, GroundTruth.K);
            bool ok = truth.FirstIsRight(q, row[0]);
            ten += truth.Overlap(q, row);
            if (ok) right++;
            if (!_mated[q]) continue;
            mated++;
            if (ok) matedRight++;
            if (truth.BestScore(q) < Threshold) continue;
            above++;
            if (ok) aboveRight++;
        }

        double early = answer.TryGet("early");
        return new Found((double)right / (to - from), (double)matedRight / mated, (double)aboveRight / above,
            (double)ten / GroundTruth.K / (to - from), early / (to - from));
    }
}

using FaceSearch.Evaluation;

namespace FaceSearch.CalibrationBench;

/// <summary>What a margin between the best two identities does to true matches, to wrong ones and to people enrolled twice.</summary>
internal static class MarginExperiment
{
    private static readonly float[] Margins = [0, 0.01f, 0.02f, 0.03f, 0.05f, 0.07f, 0.1f, 0.15f];

    public static void Run(LabelledTemplates data)
    {
        var rows = Sources.RowsByIdentity(data.Identities);
        var gallery = rows.Select(r => r[0]).ToArray();
        var probes = rows.SelectMany(r => r.Skip(1)).ToArray();
        int[] Labels(int[] picked) => [.. picked.Select(r => data.Identities[r])];
        var outcomes = IdentificationSearch.Run(data.Templates.Select(gallery), Labels(gallery), data.Templates.Select(probes), Labels(probes));
        var threshold = IdentificationMetrics.LeaveOwnIdentityOut(outcomes).ThresholdAtFpir(0.01);

        // Enrolled twice: a person's second image becomes another identity; probes are the images from the third on.
        var twice = rows.Where(r => r.Length >= 3).ToArray();
        var doubled = gallery.Concat(twice.Select(r => r[1])).ToArray();
        var doubledLabels = Labels(gallery).Concat(twice.Select((_, i) => rows.Length + i)).ToArray();
        var doubledProbes = twice.SelectMany(r => r.Skip(2)).ToArray();
        var pairs = IdentificationSearch.Run(data.Templates.Select(doubled), doubledLabels, data.Templates.Select(doubledProbes), Labels(doubledProbes));

        Report.Line($"{gallery.Length} people, threshold {threshold:F3} (FPIR 1 %)");
        Report.Line($"| margin | true matches flagged | wrong matches of mated probes flagged | strangers' matches flagged | enrolled twice: flagged | enrolled twice, both above the threshold: flagged |");
        Report.Line($"|---|---|---|---|---|---|");
        foreach (var margin in Margins) Row(margin, outcomes, pairs, threshold);
    }

    private static void Row(float margin, IdentificationOutcomes outcomes, IdentificationOutcomes pairs, float threshold)
    {
        Tally right = default, wrong = default, strangers = default, doubled = default, both = default;
        for (var i = 0; i < outcomes.Count; i++)
        {
            float own = outcomes.MatedScores[i], other = outcomes.ImpostorScores[i];
            if (own > other) right.Add(DecisionRule.Decide(own, other, threshold, margin));
            else wrong.Add(DecisionRule.Decide(other, Math.Max(own, outcomes.SecondImpostorScores[i]), threshold, margin));
            strangers.Add(DecisionRule.Decide(other, outcomes.SecondImpostorScores[i], threshold, margin));
        }
        for (var i = 0; i < pairs.Count; i++)
        {
            float own = pairs.MatedScores[i], other = pairs.ImpostorScores[i];
            var decision = DecisionRule.Decide(Math.Max(own, other), own > other ? other : Math.Max(own, pairs.SecondImpostorScores[i]), threshold, margin);
            doubled.Add(decision);
            if (own >= threshold && other >= threshold) both.Add(decision);
        }
        Report.Line($"| {margin:F2} | {right} | {wrong} | {strangers} | {doubled} | {both} |");
    }

    private struct Tally
    {
        private int matches;
        private int flagged;

        public void Add(Decision decision)
        {
            if (decision == Decision.Match) matches++;
            if (decision == Decision.Ambiguous) flagged++;
        }

        public override readonly string ToString() => FormattableString.Invariant($"{(double)flagged / (matches + flagged):P2} of {matches + flagged}");
    }
}

using FaceSearch.Evaluation;

namespace FaceSearch.CalibrationBench;

internal sealed record CalibrationOptions(
    LabelledTemplates Data, int[] Sizes, int Splits, double Target, bool AllTemplates, bool SameNumberOfStrangers, string Prior, string? Only, int Seed);

/// <summary>One gallery of one split: the statistics an estimator sees and the strangers' best scores that judge it.</summary>
internal sealed record Trial(int Size, GalleryStatistics Gallery, float[] StrangerScores, int[] StrangerIdentities)
{
    /// <summary>Share of the strangers' probes at or above a threshold.</summary>
    public double Fpir(double threshold) => (double)StrangerScores.Count(s => s >= threshold) / StrangerScores.Length;

    /// <summary>The same with each person counting once: mean over strangers of the share of their probes.</summary>
    public double FpirByPerson(double threshold) => StrangerIdentities.Zip(StrangerScores).GroupBy(p => p.First, p => p.Second)
        .Average(g => g.Average(s => s >= threshold ? 1.0 : 0.0));
}

/// <summary>Random halves: one half are strangers, of the other the first so many people are enrolled; nothing is tuned in between.</summary>
internal static class CalibrationExperiment
{
    private const int SampledTemplates = 2000;

    public static IEnumerable<Trial> Run(CalibrationOptions options)
    {
        var rows = Sources.RowsByIdentity(options.Data.Identities);
        var random = new Random(options.Seed);
        for (var split = 0; split < options.Splits; split++)
        {
            var order = Enumerable.Range(0, rows.Length).ToArray();
            random.Shuffle(order);
            var strangers = order[..(rows.Length / 2)];
            foreach (var size in options.Sizes)
            {
                var enrolled = order[(rows.Length / 2)..][..Math.Min(size, rows.Length - rows.Length / 2)];
                var searched = options.SameNumberOfStrangers ? strangers[..Math.Min(size, strangers.Length)] : strangers;
                yield return RunOne(options, rows, enrolled, searched, random);
            }
        }
    }

    public static ImpostorPrior PriorOf(CalibrationOptions options)
    {
        if (options.Prior == "generic") return ImpostorPrior.ForDimension(options.Data.Templates.Dimension);
        var rows = Sources.RowsByIdentity(options.Data.Identities).Take(5000).Select(r => r[0]).ToArray();
        var measured = ImpostorPrior.Measure(options.Data.Templates.Select(rows), rows.Select(r => options.Data.Identities[r]).ToArray());
        return options.Prior == "wrong"
            ? new ImpostorPrior([.. measured.Points.Select(p => p with { Score = 1.2f * p.Score + 0.03f })])
            : measured;
    }

    private static Trial RunOne(CalibrationOptions options, int[][] rows, int[] enrolled, int[] strangers, Random random)
    {
        var galleryRows = enrolled.SelectMany(p => options.AllTemplates ? rows[p] : rows[p][..1]).ToArray();
        var sampleRows = enrolled.Take(SampledTemplates).Select(p => options.AllTemplates ? rows[p][random.Next(rows[p].Length)] : rows[p][0]).ToArray();
        var probeRows = strangers.SelectMany(p => rows[p]).ToArray();
        var gallery = options.Data.Templates.Select(galleryRows);
        var labels = Labels(options, galleryRows);
        var sample = options.Data.Templates.Select(sampleRows);
        var sampleLabels = Labels(options, sampleRows);
        var own = IdentificationSearch.Run(gallery, labels, sample, sampleLabels);
        var probes = IdentificationSearch.Run(gallery, labels, options.Data.Templates.Select(probeRows), Labels(options, probeRows));
        return new Trial(
            enrolled.Length,
            new GalleryStatistics(own.ImpostorScores, enrolled.Length, ImpostorPairSample.Of(sample, sampleLabels)),
            probes.ImpostorScores,
            Labels(options, probeRows));
    }

    private static int[] Labels(CalibrationOptions options, int[] rows) => [.. rows.Select(r => options.Data.Identities[r])];
}

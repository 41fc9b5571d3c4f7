using System.Globalization;

namespace FaceSearch.Evaluation;

/// <summary>Curves as CSV (RFC 4180, a header line, invariant numbers that read back to the same value).</summary>
public static class MetricsCsv
{
    /// <summary>Columns threshold, fmr, fnmr, tar.</summary>
    public static void WriteVerification(TextWriter writer, IEnumerable<VerificationPoint> points)
    {
        writer.Write("threshold,fmr,fnmr,tar\r\n");
        foreach (var p in points)
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"{p.Threshold:R},{p.Fmr:R},{p.Fnmr:R},{1 - p.Fnmr:R}\r\n"));
    }

    /// <summary>Columns threshold, fpir, fnir, tpir.</summary>
    public static void WriteIdentification(TextWriter writer, IEnumerable<IdentificationPoint> points)
    {
        writer.Write("threshold,fpir,fnir,tpir\r\n");
        foreach (var p in points)
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"{p.Threshold:R},{p.Fpir:R},{p.Fnir:R},{1 - p.Fnir:R}\r\n"));
    }

    /// <summary>Columns rank, accuracy: the cumulative match characteristic for ranks 1..<paramref name="ranks"/>.</summary>
    public static void WriteRanks(TextWriter writer, IdentificationMetrics metrics, int ranks)
    {
        writer.Write("rank,accuracy\r\n");
        for (var k = 1; k <= ranks; k++)
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"{k},{metrics.RankAccuracy(k):R}\r\n"));
    }

    /// <summary>Columns fold, threshold, accuracy; folds count from 1.</summary>
    public static void WriteFolds(TextWriter writer, PairAccuracyResult result)
    {
        writer.Write("fold,threshold,accuracy\r\n");
        for (var i = 0; i < result.FoldAccuracies.Count; i++)
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"{i + 1},{result.FoldThresholds[i]:R},{result.FoldAccuracies[i]:R}\r\n"));
    }
}

using System.Globalization;
using FaceSearch.TrainingJob.Training;
using Spectre.Console;

namespace FaceSearch.TrainingJob.Commands;

/// <summary>A finished run's figures.</summary>
internal static class ResultTable
{
    public static void Write(TrainingResult result)
    {
        EvaluationReport report = result.Evaluation!;
        Table table = Create();
        Row(table, result.Manifest.Name, "aligned", report.Aligned);
        Row(table, result.Manifest.Name, "centre crop", report.Thumbnail);
        Row(table, report.BaseModel ?? "", "aligned", report.BaseAligned);
        Row(table, report.BaseModel ?? "", "centre crop", report.BaseThumbnail);
        AnsiConsole.Write(table);
        if (report.Compatibility is { } c)
            AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"TAR at FAR 1e-3 with {c.OldModel}: old-old {c.OldOld:P2}, new-old {c.NewOld:P2}, new-new {c.NewNew:P2}");
        AnsiConsole.MarkupLineInterpolated($"model: {result.OnnxPath}\nreport: {result.ReportPath}");
    }

    internal static Table Create() => new Table().Title("People that were not trained on").AddColumns("model", "faces", "people", "probes", "pairs", "TAR@FAR 1e-3", "rank-1", "TPIR@FPIR 1 %");

    internal static void Row(Table table, string model, string faces, EvaluationFigures? f)
    {
        if (f is not null)
            table.AddRow(Markup.Escape(model), faces, Count(f.People), Count(f.Probes), Percent(f.PairAccuracy), Percent(f.TarAtFar1e3), Percent(f.Rank1), Percent(f.TpirAtFpir1Percent));
    }

    private static string Count(int n) => n.ToString("N0", CultureInfo.InvariantCulture);

    private static string Percent(double share) => share.ToString("P2", CultureInfo.InvariantCulture);
}

using System.Globalization;
using System.Net;
using System.Text;
using FaceSearch.TrainingJob.Training;

namespace FaceSearch.TrainingJob.Reports;

/// <summary>One HTML file of a run, its plots inside: it can be sent, archived and read without anything beside it. It shows no face and names nobody.</summary>
internal static class HtmlReport
{
    private const string Style =
        "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}table{border-collapse:collapse;margin:1rem 0}" +
        "td,th{border:1px solid #ccc;padding:.3rem .7rem;text-align:right}td:first-child,th:first-child{text-align:left}img{max-width:100%}pre{background:#f5f5f5;padding:1rem;overflow:auto}";

    /// <summary>Writes the file.</summary>
    /// <param name="file">Where.</param>
    /// <param name="model">The model's name.</param>
    /// <param name="evaluation">Its figures.</param>
    /// <param name="lineage">Where it comes from.</param>
    /// <param name="plots">Titles and PNG files.</param>
    public static void Write(string file, string model, EvaluationReport evaluation, Lineage lineage, IReadOnlyList<string> plots)
    {
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{Text(model)}</title><style>{Style}</style></head><body>\n<h1>{Text(model)}</h1>\n<p>Measured on people that were not trained on.</p>");
        Figures(html, model, evaluation);
        if (evaluation.Compatibility is { } c)
            html.Append(CultureInfo.InvariantCulture, $"<h2>Compatibility with {Text(c.OldModel)}</h2><table><tr><th>TAR at FAR 1e-3</th><th>probe and template</th></tr><tr><td>old, old</td><td>{Percent(c.OldOld)}</td></tr><tr><td>new, old</td><td>{Percent(c.NewOld)}</td></tr><tr><td>new, new</td><td>{Percent(c.NewNew)}</td></tr></table>");
        foreach (string plot in plots.Where(File.Exists))
            html.Append(CultureInfo.InvariantCulture, $"<p><img alt=\"{Text(Path.GetFileNameWithoutExtension(plot))}\" src=\"data:image/png;base64,{Convert.ToBase64String(File.ReadAllBytes(plot))}\"></p>");
        html.Append(CultureInfo.InvariantCulture, $"""
            <h2>Lineage</h2>
            <table><tr><td>parent</td><td>{Text(lineage.Parent ?? "none")}</td></tr><tr><td>data</td><td>{Text(lineage.Data)}</td></tr>
            <tr><td>data fingerprint</td><td>{lineage.DataFingerprint}</td></tr><tr><td>seed</td><td>{lineage.Seed}</td></tr><tr><td>code</td><td>{Text(lineage.CodeVersion)}</td></tr></table>
            <pre>{Text(lineage.Options)}</pre></body></html>
            """);
        File.WriteAllText(file, html.ToString());
    }

    private static void Figures(StringBuilder html, string model, EvaluationReport e)
    {
        html.Append("<table><tr><th>model</th><th>faces</th><th>people</th><th>probes</th><th>pair accuracy</th><th>TAR at FAR 1e-3</th><th>rank-1</th><th>TPIR at FPIR 1 %</th></tr>");
        Row(html, model, "aligned", e.Aligned);
        Row(html, model, "centre crop", e.Thumbnail);
        Row(html, e.BaseModel ?? "", "aligned", e.BaseAligned);
        Row(html, e.BaseModel ?? "", "centre crop", e.BaseThumbnail);
        html.Append("</table>");
    }

    private static void Row(StringBuilder html, string model, string faces, EvaluationFigures? f)
    {
        if (f is not null)
            html.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(model)}</td><td>{faces}</td><td>{f.People:N0}</td><td>{f.Probes:N0}</td><td>{Percent(f.PairAccuracy)}</td><td>{Percent(f.TarAtFar1e3)}</td><td>{Percent(f.Rank1)}</td><td>{Percent(f.TpirAtFpir1Percent)}</td></tr>");
    }

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share:P2}");

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}

using FaceSearch.Http;

namespace FaceSearch.ServerBench;

/// <summary>Durable templates/s of bulk enrolment.</summary>
internal static class BulkBench
{
    private const int Target = 5_000, WarmUp = 10_000;

    public static async Task RunAsync(BenchSettings settings, Report report, CancellationToken cancellation)
    {
        report.Heading("Bulk enrolment of ready embeddings");
        Templates templates = new(Math.Max(Math.Max(settings.Templates, settings.Reported), WarmUp));
        await using Server server = await Server.StartAsync(settings, null, cancellation);
        await EnrolAsync(server, "warm", templates, WarmUp, ConflictPolicy.Allow, settings.Streams, cancellation);
        BulkCost allowed = await EnrolAsync(server, "allow", templates, settings.Templates, ConflictPolicy.Allow, settings.Streams, cancellation);
        await EnrolAsync(server, "warm-report", templates, Math.Min(2_000, settings.Reported), ConflictPolicy.Report, settings.Streams, cancellation);
        BulkCost reported = await EnrolAsync(server, "report", templates, settings.Reported, ConflictPolicy.Report, settings.Streams, cancellation);

        report.Line($"{settings.Streams} stream(s), one template an identity, load average {Report.LoadAverage()}.");
        report.Line("");
        report.Line("| onConflict | items | enrolled | seconds | templates/s | server CPU us/item | client CPU us/item | both CPU, items/s on all cores | disk bytes/template |");
        report.Line("|---|---|---|---|---|---|---|---|---|");
        Row("allow", allowed);
        Row("report", reported);
        report.Line("");
        report.Rule($"onConflict=allow >= {Target:N0} durable templates/s", allowed.Enrolled / allowed.Seconds >= Target);

        void Row(string name, BulkCost c) => report.Line(FormattableString.Invariant(
            $"| {name} | {c.Items:N0} | {c.Enrolled:N0} | {c.Seconds:F1} | {c.Enrolled / c.Seconds:N0} | {1e6 * c.ServerSeconds / c.Items:F0} | {1e6 * c.ClientSeconds / c.Items:F0} | {Environment.ProcessorCount * c.Items / (c.ServerSeconds + c.ClientSeconds):N0} | {c.BytesWritten / Math.Max(1, c.Enrolled):N0} |"));
    }

    private static async Task<BulkCost> EnrolAsync(
        Server server, string gallery, Templates templates, int count, ConflictPolicy policy, int streams, CancellationToken cancellation)
    {
        await server.Client.CreateGalleryAsync(gallery, new GalleryRequest { Model = "external" }, cancellation);
        BulkCost cost = await BulkLoad.RunAsync(server, gallery, templates, 0, count, policy, streams, cancellation);
        long kept = (await server.Client.DescribeAsync(gallery, cancellation)).Templates;
        return kept == cost.Enrolled ? cost : throw new InvalidOperationException($"{cost.Enrolled} templates were acknowledged, the gallery holds {kept}.");
    }
}

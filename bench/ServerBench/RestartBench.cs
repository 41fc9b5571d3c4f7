using System.Text.RegularExpressions;
using FaceSearch.Http;

namespace FaceSearch.ServerBench;

/// <summary>How soon after kill -9 the first right answer comes.</summary>
internal static partial class RestartBench
{
    private const string Gallery = "people";
    private const double Limit = 10;

    public static async Task RunAsync(BenchSettings settings, Report report, CancellationToken cancellation)
    {
        int count = settings.RestartTemplates;
        report.Heading($"Restart with {count:N0} templates");
        Templates templates = new(count);
        await using Server server = await Server.StartAsync(settings, null, cancellation);
        // One shard, as it comes: the hardest case.
        await server.Client.CreateGalleryAsync(Gallery, new GalleryRequest { Model = "external", MaxTemplatesPerShard = Math.Max(1_000_000, count + 1) }, cancellation);
        BulkCost cost = await BulkLoad.RunAsync(server, Gallery, templates, 0, count, ConflictPolicy.Allow, settings.Streams, cancellation);
        ShardStatus shard = (await server.Client.DescribeAsync(Gallery, cancellation)).Shards[0];
        report.Line(FormattableString.Invariant($"Enrolled {cost.Enrolled:N0} in {cost.Seconds:F0} s ({cost.Enrolled / cost.Seconds:N0} templates/s); load average {Report.LoadAverage()}."));
        report.Line($"Killed (-9) right after the last acknowledgement, at LSN {shard.Lsn:N0}; newest snapshot at LSN {shard.SnapshotLsn:N0}. The page cache stays warm.");
        report.Line("");

        // The last enrolled person: never in the snapshot.
        byte[] probe = ServerClient.IdentifyBody(Embedding.Normalise(templates[count - 1]));
        server.KillAndStartAgain();
        (double seconds, int refused) = await FirstRightAnswerAsync(server, probe, Templates.Identity(count - 1), cancellation);
        double cpu = server.Process.ProcessorTime.TotalSeconds;
        IReadOnlyList<LogLine> log = server.Process.Log;
        double ready = log.FirstOrDefault(l => l.Text.StartsWith("Ready", StringComparison.Ordinal)).At.TotalSeconds;
        LogLine open = log.FirstOrDefault(l => Opened().IsMatch(l.Text));
        string load = open.Text is null ? "?" : Opened().Match(open.Text).Groups[1].Value;
        report.Line("| phase | s since start |");
        report.Line("|---|---|");
        report.Line($"| process up, address printed | {ready.F3()} |");
        report.Line($"| shard open (its own loading: {load} s: snapshot, tail of the log, proof) | {open.At.TotalSeconds.F3()} |");
        report.Line($"| first right answer ({refused} answers 'loading' before) | {seconds.F3()} |");
        report.Line("");
        report.Figure("Processor time of the server until then", $"{cpu:F1} s");
        report.Figure("Memory of the server", $"{server.Process.Memory >> 20:N0} MiB");
        report.Rule($"first right answer within {Limit:0} s", seconds <= Limit);
    }

    private static async Task<(double Seconds, int Refused)> FirstRightAnswerAsync(Server server, byte[] probe, string person, CancellationToken cancellation)
    {
        int refused = 0;
        while (server.Process.Age < TimeSpan.FromMinutes(10) && !server.Process.HasExited)
        {
            try
            {
                (int status, byte[] answer) = await server.Client.IdentifyAsync(Gallery, probe, cancellation);
                if (status == 200)
                {
                    double at = server.Process.Age.TotalSeconds;
                    return ServerClient.Read(status, answer).Results[0].Candidates is [{ } best, ..] && best.Identity == person
                        ? (at, refused)
                        : throw new InvalidOperationException("The first answer after the restart names the wrong person.");
                }
                refused++;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
            await Task.Delay(20, cancellation);
        }
        throw new InvalidOperationException($"No answer. The server said:{Environment.NewLine}{server.Process.Tail()}");
    }

    [GeneratedRegex(@"Shard .* open: .*, ([0-9.]+) s\.")]
    private static partial Regex Opened();
}

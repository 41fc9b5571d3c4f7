using System.Diagnostics;
using System.Text;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>The samples that users copy, run as they are.</summary>
[Collection(BrokerTests.Name)]
public sealed class SampleTests(RabbitBroker broker)
{
    [Fact]
    public async Task The_producer_enrols_and_the_consumer_prints_each_event_once()
    {
        broker.Need();
        using Pictures pictures = new();
        await using EventLog cleanup = await EventLog.StartAsync(broker);
        await using ServerProcess server = await ServerProcess.StartAsync(null, [.. broker.Options, pictures.Root]);
        await server.CreateGalleryAsync("staff");
        StringBuilder heard = new();
        using Process consumer = Start("consumer", "Consumer", heard, Path.Combine(pictures.Folder, "seen.txt"));
        try
        {
            await Until.TrueAsync(() => Text(heard).Contains("Listening", StringComparison.Ordinal), TimeSpan.FromMinutes(1), "The consumer did not start.");
            (int code, string said) = await ProduceAsync("staff", "anna", pictures.Make(1));
            code.ShouldBe(0, said);
            said.ShouldContain("Enrolled");
            await Until.TrueAsync(() => Text(heard).Contains("enrolled staff/anna: 1 template(s)", StringComparison.Ordinal), TimeSpan.FromMinutes(1), Text(heard));
            (await ProduceAsync("staff", "anna", pictures.Make(1))).Code.ShouldBe(0, "the same operation again");
            (int refused, string why) = await ProduceAsync("nowhere", "bert", pictures.Make(2));
            (refused, why.Contains("gallery-not-found", StringComparison.Ordinal)).ShouldBe((1, true), why);
            await Until.TrueAsync(() => Text(heard).Contains("Refused gallery-not-found", StringComparison.Ordinal), TimeSpan.FromMinutes(1), Text(heard));
            Text(heard).Split('\n').Count(l => l.StartsWith("enrolled ", StringComparison.Ordinal)).ShouldBe(1);
            Text(heard).Split('\n').Count(l => l.EndsWith("Enrolled", StringComparison.Ordinal)).ShouldBe(1, "the answer was repeated, and applied once");
        }
        finally
        {
            consumer.Kill();
            await consumer.WaitForExitAsync(CancellationToken.None);
            await broker.DeleteAsync("facesearch-sample-consumer");
        }
    }

    private async Task<(int Code, string Output)> ProduceAsync(params string[] arguments)
    {
        StringBuilder output = new();
        using Process producer = Start("producer", "Producer", output, arguments);
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        await producer.WaitForExitAsync(limit.Token);
        return (producer.ExitCode, Text(output));
    }

    private Process Start(string folder, string name, StringBuilder output, params string[] arguments)
    {
        string assembly = Path.Combine(Repository.Root, "infra", "samples", folder, "bin", Repository.Configuration, "net10.0", $"FaceSearch.{name}.dll");
        ProcessStartInfo start = new("dotnet", [assembly, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["FACESEARCH_BROKER"] = $"amqp://guest:guest@127.0.0.1:{broker.Port}/";
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Append(output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(output, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static void Append(StringBuilder output, string? line)
    {
        lock (output)
            output.Append(line).Append('\n');
    }

    private static string Text(StringBuilder output)
    {
        lock (output)
            return output.ToString();
    }
}

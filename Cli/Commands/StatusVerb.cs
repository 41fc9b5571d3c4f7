using System.CommandLine;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary>Version and health of a server.</summary>
internal sealed record ServerStatus(string Server, VersionResponse Version, HealthResponse Health);

/// <summary><c>facesearch status</c>: is the server there and ready?</summary>
internal static class StatusVerb
{
    public static Command Build(GlobalOptions options) => new Command("status", "Is the server there, and is it ready?").WithExamples(
        "facesearch status",
        "# wait for a server that is starting",
        "until facesearch status --json > /dev/null 2>&1; do sleep 1; done",
        "# exit code 0: ready; 1: there, but not ready; 4: not there").Runs(options, async (run, cancellation) =>
    {
        VersionResponse version = await run.Client.VersionAsync(cancellation);
        HealthResponse health = await run.Client.ReadyAsync(cancellation) ?? new HealthResponse("unhealthy", []);
        run.Output.Result(new ServerStatus(run.Server, version, health), Draw);
        return health.Status == "unhealthy" ? ExitCodes.Failed : ExitCodes.Ok;
    });

    private static void Draw(IAnsiConsole console, ServerStatus status)
    {
        string commit = status.Version.Commit is { } c ? $" ({c})" : "";
        console.WriteLine($"{status.Server}: FaceSearch {status.Version.Version}{commit}, API {status.Version.Api}, {status.Health.Status}");
        Table table = Tables.Create("check", "status", "detail", "facts");
        foreach (HealthCheckEntry check in status.Health.Checks)
            table.Row(check.Name, check.Status, check.Detail, string.Join(", ", check.Data.Select(pair => $"{pair.Key}={pair.Value}")));
        console.Write(table);
    }
}

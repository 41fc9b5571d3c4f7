using System.Text.Json;

namespace FaceSearch.Cli.Tests;

/// <summary>What one command line did.</summary>
internal sealed record Ran(int ExitCode, string Out, string Error)
{
    /// <summary>Standard output as the one JSON document it must be.</summary>
    public JsonElement Json => JsonDocument.Parse(Out).RootElement;

    /// <summary>Standard error as the problem document it must be.</summary>
    public JsonElement Problem => JsonDocument.Parse(Error).RootElement.GetProperty("problem");
}

/// <summary>Runs command lines in this process, with streams and environment of their own.</summary>
internal static class Cli
{
    /// <summary>An address where nobody listens.</summary>
    public const string NoServer = "http://127.0.0.1:9";

    public static Task<Ran> RunAsync(params string[] arguments) => RunWithAsync(new Dictionary<string, string>(), arguments);

    public static async Task<Ran> RunWithAsync(IReadOnlyDictionary<string, string> variables, params string[] arguments)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        CliHost host = new()
        {
            Out = output,
            Error = error,
            Variable = name => variables.GetValueOrDefault(name),
            CurrentFolder = Path.GetTempPath(),
        };
        int exitCode = await CommandLine.RunAsync(arguments, host, TestContext.Current.CancellationToken);
        return new Ran(exitCode, output.ToString(), error.ToString());
    }
}

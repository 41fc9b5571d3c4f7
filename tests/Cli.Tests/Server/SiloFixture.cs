using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.Cli.Tests.Server;

/// <summary>One real server for the whole suite, with the real models where there are any. Each test has a gallery of its own.</summary>
public sealed class SiloFixture : IAsyncLifetime
{
    private ServerProcess? server;

    public async ValueTask InitializeAsync() =>
        server = await ServerProcess.StartAsync(SharedData.FolderOrNull is { } data ? Path.Combine(data, "models") : null);

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
    }

    /// <summary>Runs a command line against it.</summary>
    internal Task<Ran> RunAsync(params string[] arguments) =>
        Cli.RunWithAsync(new Dictionary<string, string> { ["FACESEARCH_SERVER"] = server!.Url }, arguments);

    /// <summary>Runs a command line whose exit code must be this.</summary>
    internal async Task<Ran> RunAsync(int exitCode, params string[] arguments)
    {
        Ran ran = await RunAsync(arguments);
        ran.ExitCode.ShouldBe(exitCode, $"facesearch {string.Join(' ', arguments)}\n{ran.Out}\n{ran.Error}");
        return ran;
    }
}

/// <summary>Tests against the one server.</summary>
[CollectionDefinition(Name)]
public sealed class SiloTests : ICollectionFixture<SiloFixture>
{
    public const string Name = "A running server";
}

namespace FaceSearch.ServerBench;

/// <summary>The built silo on a free port of loopback, with a data folder of its own that goes with it.</summary>
internal sealed class Server : IAsyncDisposable
{
    private readonly BenchSettings _settings;
    private readonly string _dll;
    private readonly string? _models;
    private readonly string _folder;

    private Server(BenchSettings settings, string? models)
    {
        (_settings, _models) = (settings, models);
        _dll = Program(settings.Silo);
        _folder = Path.Combine(settings.Work.FullName, $"facesearch-bench-{Guid.NewGuid():n}");
        Process = Start();
        Client = new(Url);
    }

    public string Url { get; private set; } = "";

    public ChildProcess Process { get; private set; }

    public ServerClient Client { get; private set; }

    /// <summary>Starts a server and waits until it answers.</summary>
    /// <param name="settings">Where things are.</param>
    /// <param name="models">Models folder; null for a server without models, which takes ready embeddings.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<Server> StartAsync(BenchSettings settings, string? models, CancellationToken cancellation)
    {
        var server = new Server(settings, models);
        try
        {
            await server.ReadyAsync(cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>kill -9, then a start over the same data folder; does not wait for it.</summary>
    public void KillAndStartAgain()
    {
        Process.Dispose();
        Client.Dispose();
        Process = Start();
        Client = new(Url);
    }

    public ValueTask DisposeAsync()
    {
        Client.Dispose();
        Process.Dispose();
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private ChildProcess Start()
    {
        Url = $"http://127.0.0.1:{ChildProcess.FreePort()}";
        Dictionary<string, string?> environment = new()
        {
            ["FACESEARCH_MODELS"] = _models,
            ["FACESEARCH_ADMIN_KEY"] = null,
            ["ASPNETCORE_URLS"] = null,
        };
        return new ChildProcess(_dll, [$"--urls={Url}", $"--Silo:DataFolder={_folder}", "--Gateway:RequestsPerSecond=0"], environment, _settings.ShowServerLog);
    }

    private async Task ReadyAsync(CancellationToken cancellation)
    {
        while (!await Client.IsLiveAsync(cancellation))
        {
            if (Process.HasExited || Process.Age > TimeSpan.FromMinutes(3))
                throw new InvalidOperationException($"The server did not start. It said:{Environment.NewLine}{Process.Tail()}");
            await Task.Delay(50, cancellation);
        }
    }

    /// <summary>The server's program: the one that is named, or this checkout's.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static string Program(FileInfo? named)
    {
        string dll = named?.FullName ?? Built();
        return File.Exists(dll) ? dll : throw new FileNotFoundException($"There is no server at {dll}. Build it: dotnet build -c Release Silo, or name it with --silo.");
    }

    private static string Built()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FaceSearch.sln")))
                return Path.Combine(folder.FullName, "Silo", "bin", "Release", "net10.0", "FaceSearch.Silo.dll");
        }
        return "FaceSearch.Silo.dll";
    }
}

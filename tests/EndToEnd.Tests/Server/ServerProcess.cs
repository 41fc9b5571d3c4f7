using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace FaceSearch.EndToEnd.Tests.Server;

/// <summary>The real silo as a process of its own, on a free port and a data folder that outlives it until it is disposed.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private readonly StringBuilder _output = new();
    private readonly string[] _arguments;
    private readonly Dictionary<string, string> _environment;
    private readonly string _data = Directory.CreateTempSubdirectory("facesearch-e2e-").FullName;
    private Process? _process;

    private ServerProcess(string[] arguments, Dictionary<string, string> environment)
    {
        _arguments = arguments;
        _environment = environment;
        Url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{FreePort()}");
        Http = new HttpClient { BaseAddress = new Uri(Url), Timeout = TimeSpan.FromMinutes(10) };
    }

    public string Url { get; }

    public HttpClient Http { get; }

    public string DataFolder => _data;

    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    public int ProcessId => _process!.Id;

    /// <summary>Starts a server and waits until it is ready.</summary>
    /// <param name="models">Folder of models; null for none.</param>
    /// <param name="arguments">Further command line.</param>
    public static async Task<ServerProcess> StartAsync(string? models = null, params string[] arguments)
    {
        ServerProcess server = Create(models, arguments);
        await server.StartAgainAsync();
        return server;
    }

    /// <summary>A server that <see cref="StartAgainAsync"/> is to start.</summary>
    /// <param name="models">Folder of models; null for none.</param>
    /// <param name="arguments">Further command line.</param>
    public static ServerProcess Create(string? models = null, params string[] arguments) => new(arguments, new() { ["FACESEARCH_MODELS"] = models ?? "" });

    /// <summary>Starts the process on the same data folder and waits until it is ready.</summary>
    public async Task StartAgainAsync()
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _data };
        start.ArgumentList.Add(Repository.Assembly("Silo"));
        start.ArgumentList.Add($"--urls={Url}");
        start.ArgumentList.Add($"--Silo:DataFolder={_data}");
        foreach (string argument in _arguments)
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in _environment)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await WaitAsync(async () => (await Http.GetAsync("/health/ready")).IsSuccessStatusCode, TimeSpan.FromMinutes(2));
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process!.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, and waits for the end; the exit code.</summary>
    public async Task<int> StopAsync()
    {
        Kill(_process!.Id, 15).ShouldBe(0);
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    /// <summary>Resident memory in bytes.</summary>
    public long ResidentBytes()
    {
        _process!.Refresh();
        return _process.WorkingSet64;
    }

    /// <summary>Polls until the condition holds.</summary>
    public async Task WaitAsync(Func<Task<bool>> condition, TimeSpan limit)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                if (await condition())
                    return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
            if (_process!.HasExited)
                throw new InvalidOperationException($"The server ended with code {_process.ExitCode}:\n{Output}");
            if (waited.Elapsed > limit)
                throw new TimeoutException($"The server did not get there in {limit}:\n{Output}");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
            await KillAsync();
        _process?.Dispose();
        Http.Dispose();
        Directory.Delete(_data, recursive: true);
    }

    private void Append(string? line)
    {
        lock (_output)
            _output.AppendLine(line);
    }

    /// <summary>A port that nobody listens on at the moment.</summary>
    public static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FaceSearch.FaultBench.Servers;

/// <summary>One silo or gateway: a process that is killed, stopped, paused and started again on the same data folder and ports.</summary>
internal sealed class ServerNode : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);

    private readonly Func<string, IEnumerable<string>> _arguments;
    private readonly string[] _prefix;
    private readonly string _folder;
    private Process? _process;
    private StreamWriter? _log;
    private bool _paused;

    /// <param name="name">Such as silo-1.</param>
    /// <param name="url">Where it serves HTTP.</param>
    /// <param name="dll">The program.</param>
    /// <param name="folder">Where its data folder and log are made.</param>
    /// <param name="arguments">Its command line; given the name of this start ("silo-1.3").</param>
    /// <param name="prefix">What runs the program, such as <c>ip netns exec</c>.</param>
    public ServerNode(string name, string url, string dll, string folder, Func<string, IEnumerable<string>> arguments, params string[] prefix)
    {
        (Name, Url, Program, _folder, _arguments, _prefix) = (name, url, dll, folder, arguments, prefix);
        Directory.CreateDirectory(DataFolder);
        Client = new ApiClient(name, url, Secrets.AdminKey);
    }

    public string Name { get; }

    public string Url { get; }

    public ApiClient Client { get; }

    /// <summary>The assembly that the next start runs.</summary>
    public string Program { get; set; }

    /// <summary>For processes that live for seconds: code that is compiled twice would be most of their work.</summary>
    public bool LivesBriefly { get; init; } = true;

    /// <summary>How often the process was started.</summary>
    public int Starts { get; private set; }

    public bool IsRunning => _process is { HasExited: false };

    public int ProcessId => _process!.Id;

    public string LogFile => Path.Combine(_folder, $"{Name}.log");

    private string DataFolder => Path.Combine(_folder, Name);

    /// <summary>Starts the process; does not wait.</summary>
    public void Launch()
    {
        Starts++;
        ProcessStartInfo start = new() { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = DataFolder };
        string[] line = [.. _prefix, "dotnet", Program, $"--urls={Url}", $"--Silo:DataFolder={DataFolder}", .. _arguments(string.Create(CultureInfo.InvariantCulture, $"{Name}.{Starts}"))];
        start.FileName = line[0];
        foreach (string word in line.Skip(1))
            start.ArgumentList.Add(word);
        start.Environment["FACESEARCH_MODELS"] = "";
        if (LivesBriefly)
            start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["FACESEARCH_ADMIN_KEY"] = Secrets.AdminKey;
        _log?.Dispose();
        StreamWriter log = _log = new StreamWriter(LogFile, append: true) { AutoFlush = true };
        Process process = _process = Process.Start(start)!;
        process.OutputDataReceived += (_, e) => Append(log, e.Data);
        process.ErrorDataReceived += (_, e) => Append(log, e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Starts the process and waits until it is ready.</summary>
    public async Task StartAsync()
    {
        Launch();
        await ReadyAsync();
    }

    public async Task ReadyAsync()
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (!await Client.IsReadyAsync())
        {
            if (!IsRunning)
                throw new InvalidOperationException($"{Name} ended with code {_process!.ExitCode}: {Tail()}");
            if (waited.Elapsed > StartLimit)
                throw new TimeoutException($"{Name} was not ready within {StartLimit}: {Tail()}");
            await Task.Delay(100);
        }
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (_process is { HasExited: false } process)
        {
            Signals.Send(process.Id, Signals.Kill);
            await process.WaitForExitAsync();
        }
    }

    /// <summary>SIGTERM, and waits for the end. Returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        Signals.Send(_process!.Id, Signals.Terminate);
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public void Pause()
    {
        Signals.Send(_process!.Id, Signals.Stop);
        _paused = true;
    }

    public void Resume()
    {
        if (_paused && IsRunning)
            Signals.Send(_process!.Id, Signals.Continue);
        _paused = false;
    }

    /// <summary>Resident memory, bytes.</summary>
    public long ResidentBytes()
    {
        if (!IsRunning)
            return 0;
        _process!.Refresh();
        return _process.WorkingSet64;
    }

    /// <summary>How many lines of the log hold a text.</summary>
    public int LinesWith(string text)
    {
        using FileStream file = new(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using StreamReader reader = new(file);
        int count = 0;
        while (reader.ReadLine() is { } line)
            count += line.Contains(text, StringComparison.OrdinalIgnoreCase) ? 1 : 0;
        return count;
    }

    public async ValueTask DisposeAsync()
    {
        Resume();
        await KillAsync();
        _process?.Dispose();
        Client.Dispose();
        if (_log is not null)
            await _log.DisposeAsync();
    }

    /// <summary>A port of loopback that was free a moment ago.</summary>
    public static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private string Tail() => string.Join('\n', File.ReadLines(LogFile).TakeLast(12));

    private static void Append(StreamWriter log, string? line)
    {
        if (line is null)
            return;
        lock (log)
        {
            try
            {
                log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss.fff} {line}"));
            }
            catch (ObjectDisposedException)
            {
                // The last words of a process that was killed.
            }
        }
    }
}

/// <summary>What this run's processes share; nothing outside it is protected by it.</summary>
internal static class Secrets
{
    public static string AdminKey { get; } = $"fault-bench-{Guid.NewGuid():n}";
}

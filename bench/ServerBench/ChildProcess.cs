using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace FaceSearch.ServerBench;

/// <summary>A line that a process wrote, and when.</summary>
internal readonly record struct LogLine(TimeSpan At, string Text);

/// <summary>A server started for a measurement: its log with times, its processor time, its end.</summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process _process;
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly List<LogLine> _log = [];
    private readonly bool _show;

    public ChildProcess(string assembly, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?> environment, bool show)
    {
        _show = show;
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(assembly);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach ((string name, string? value) in environment)
            start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, e) => Add(e.Data);
        _process.ErrorDataReceived += (_, e) => Add(e.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Since the process was started.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(_started);

    public bool HasExited => _process.HasExited;

    /// <summary>What it has written so far.</summary>
    public IReadOnlyList<LogLine> Log
    {
        get
        {
            lock (_log)
                return [.. _log];
        }
    }

    /// <summary>Processor time of all its threads.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Resident memory, bytes.</summary>
    public long Memory
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Bytes it has caused to be written to disk (Linux; else 0).</summary>
    public long BytesWritten => File.Exists($"/proc/{_process.Id}/io")
        ? long.Parse(File.ReadLines($"/proc/{_process.Id}/io").First(l => l.StartsWith("write_bytes", StringComparison.Ordinal)).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)
        : 0;

    /// <summary>kill -9: nothing is flushed, nothing is said.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
    }

    public string Tail() => string.Join(Environment.NewLine, Log.TakeLast(12).Select(l => l.Text));

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    /// <summary>A port of the loopback address that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private void Add(string? line)
    {
        if (line is null)
            return;
        lock (_log)
            _log.Add(new(Age, line));
        if (_show)
            Console.Error.WriteLine($"  server {Age.TotalSeconds,8:F3} {line}");
    }
}

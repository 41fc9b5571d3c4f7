using System.Diagnostics;
using System.Globalization;

namespace FaceSearch.IndexBench.Workers;

/// <summary>One side of a comparison: a child process that takes a command a line and answers a line. Both sides time themselves.</summary>
internal sealed class Worker : IDisposable
{
    private readonly Process _process;

    private Worker(string name, string file, params string[] arguments)
    {
        Name = name;
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start.");
    }

    public string Name { get; }

    /// <summary>FaceSearch's index, in a process of its own.</summary>
    public static Worker FaceSearch() => new("FaceSearch", Environment.ProcessPath!, "worker");

    /// <summary>hnswlib, compiled from its header by run-index.sh.</summary>
    public static Worker Hnswlib() => new("hnswlib", Peer("hnswlib_driver"));

    public static Worker Faiss() => new("faiss flat", "/usr/bin/python3", Peer("faiss_driver.py"));

    public static Worker Sklearn() => new("scikit-learn", "/usr/bin/python3", Peer("sklearn_driver.py"));

    /// <summary>Sends a command and waits for the answer.</summary>
    /// <exception cref="InvalidOperationException">The worker reports an error or ended.</exception>
    public Answer Ask(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
        string answer = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{Name} ended during: {command}");
        if (!answer.StartsWith("ok", StringComparison.Ordinal)) throw new InvalidOperationException($"{Name}: {answer} (during: {command})");
        return new Answer(answer);
    }

    /// <summary>Confines all its threads to these processors, such as "1" or "0,1".</summary>
    public void Pin(string processors)
    {
        var start = new ProcessStartInfo("taskset", ["-a", "-p", "-c", processors, _process.Id.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true };
        using Process pin = Process.Start(start)!;
        pin.StandardOutput.ReadToEnd();
        pin.WaitForExit();
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(10_000)) _process.Kill();
        _process.Dispose();
    }

    private static string Peer(string file) => Path.Combine(AppContext.BaseDirectory, "peers", file);
}

/// <summary>The "key=value" fields of an answer.</summary>
internal sealed class Answer
{
    private readonly Dictionary<string, double> _fields = [];

    public Answer(string line)
    {
        foreach (string field in line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            int at = field.IndexOf('=', StringComparison.Ordinal);
            _fields[field[..at]] = double.Parse(field.AsSpan(at + 1), CultureInfo.InvariantCulture);
        }
    }

    public double this[string key] => _fields[key];

    /// <summary>The field, or 0 where that side does not report it.</summary>
    public double TryGet(string key) => _fields.GetValueOrDefault(key);
}

using System.Diagnostics;
using System.Globalization;
using System.Text;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Training;

/// <summary><c>trainingjob work</c> as a process of its own.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private readonly StringBuilder _output = new();
    private readonly Process _process;

    /// <param name="server">The server that it works for.</param>
    /// <param name="clientPort">Orleans gateway of that server.</param>
    /// <param name="folder">Runs and models of this worker.</param>
    /// <param name="name">Its name.</param>
    public WorkerProcess(ServerProcess server, int clientPort, string folder, string name)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        string[] arguments =
        [
            Repository.Assembly("TrainingJob"), "work", "--silo", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{clientPort}"), "--server", server.Url,
            "--runs", Path.Combine(folder, "runs"), "--models", Path.Combine(folder, "models"), "--name", name,
        ];
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["FACESEARCH_MODELS"] = "";
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    public bool HasExited => _process.HasExited;

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }

    private void Append(string? line)
    {
        lock (_output)
            _output.AppendLine(line);
    }
}

using System.Diagnostics;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Network;

/// <summary>Runs this program once more in a network namespace of its own, which has nothing but loopback: nothing of the machine's network is touched.</summary>
internal static class OwnNetwork
{
    /// <summary>The exit code of the other run; null: go on here, either inside or because namespaces are not permitted.</summary>
    public static async Task<int?> EnterAsync(string[] arguments)
    {
        if (Environment.GetEnvironmentVariable(Wire.HubMark) is not null)
        {
            await Wire.MakeHubAsync();
            return null;
        }
        if (!OperatingSystem.IsLinux() || !Tool.Exists("unshare") || (await Tool.TryAsync("unshare", "--net", "true")).Code != 0)
            return null;
        ProcessStartInfo start = new("unshare", ["--net", Environment.ProcessPath!, .. Environment.GetCommandLineArgs() is [var dll, ..] && Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? new[] { dll } : [], .. arguments]);
        start.Environment[Wire.HubMark] = "1";
        using Process process = Process.Start(start)!;
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}

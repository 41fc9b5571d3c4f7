using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

[assembly: AssemblyFixture(typeof(FaceSearch.Tests.Servers.Azurite))]

namespace FaceSearch.Tests.Servers;

/// <summary>
/// One private Azurite (npm) a test run, on free loopback ports in a temp folder, started by the first test that needs it. Tests keep
/// apart by the names of their containers and tables.
/// </summary>
public sealed class Azurite : IAsyncDisposable
{
    /// <summary>The account that every Azurite has; its key is public.</summary>
    public const string Account = "devstoreaccount1";

    public const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly SemaphoreSlim Starting = new(1);
    private static Azurite? _running;
    private readonly Process? _process;
    private readonly DirectoryInfo? _folder;

    /// <summary>For xunit, which disposes it at the end of the run.</summary>
    public Azurite()
    {
    }

    private Azurite(Process process, DirectoryInfo folder, int blobs, int tables) => (_process, _folder, BlobPort, TablePort) = (process, folder, blobs, tables);

    public int BlobPort { get; }

    public int TablePort { get; }

    public string ConnectionString => ConnectionStringThrough(BlobPort, TablePort);

    /// <summary>As if other ports were the account: those of a proxy.</summary>
    public static string ConnectionStringThrough(int blobPort, int tablePort) =>
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint=http://127.0.0.1:{blobPort}/{Account};TableEndpoint=http://127.0.0.1:{tablePort}/{Account};";

    /// <summary>One of its own, for a test that changes the account; its caller disposes it.</summary>
    public static Task<Azurite> StartOwnAsync() => StartAsync(Program());

    /// <summary>The shared one; skips the test where Azurite is not installed.</summary>
    public static async Task<Azurite> GetAsync()
    {
        string program = Program();
        await Starting.WaitAsync();
        try
        {
            return _running ??= await StartAsync(program);
        }
        finally
        {
            Starting.Release();
        }
    }

    private static string Program()
    {
        string program = Path.Combine(Environment.GetEnvironmentVariable("FACESEARCH_AZURITE")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "facesearch", "azurite"), "node_modules", "azurite", "dist", "src", "azurite.js");
        Assert.SkipUnless(File.Exists(program), "Azurite is not installed: run infra/scripts/install-azurite.sh, or set FACESEARCH_AZURITE to where it is.");
        return program;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null)
        {
            if (Interlocked.Exchange(ref _running, null) is { } shared)
                await shared.DisposeAsync();
            return;
        }
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder!.Delete(recursive: true);
    }

    private static async Task<Azurite> StartAsync(string program)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("facesearch-azurite-");
        int[] ports = FreePorts(3);
        string port(int i) => ports[i].ToString(System.Globalization.CultureInfo.InvariantCulture);
        Process process = Process.Start(new ProcessStartInfo("node", [program, "--silent", "--location", folder.FullName, "--blobHost", "127.0.0.1", "--blobPort", port(0),
            "--queueHost", "127.0.0.1", "--queuePort", port(1), "--tableHost", "127.0.0.1", "--tablePort", port(2), "--skipApiVersionCheck", "--disableTelemetry"])
        { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        _ = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        long began = Stopwatch.GetTimestamp();
        foreach (int each in (int[])[ports[0], ports[2]])
        {
            while (!await ListensAsync(each))
            {
                if (process.HasExited)
                    throw new InvalidOperationException($"Azurite did not start: {await errors}");
                Stopwatch.GetElapsedTime(began).ShouldBeLessThan(StartLimit, "Azurite does not listen.");
                await Task.Delay(50);
            }
        }
        return new Azurite(process, folder, ports[0], ports[2]);
    }

    private static async Task<bool> ListensAsync(int port)
    {
        using TcpClient client = new();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int[] FreePorts(int count)
    {
        TcpListener[] listeners = [.. Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0))];
        foreach (TcpListener listener in listeners)
            listener.Start();
        int[] ports = [.. listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port)];
        foreach (TcpListener listener in listeners)
            listener.Dispose();
        return ports;
    }
}

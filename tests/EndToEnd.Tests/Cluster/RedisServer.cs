using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Cluster;

/// <summary>A private Redis on a free loopback port, from Debian's binary, that keeps nothing on disk. Gone when disposed.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    public const string Password = "r3dis-Vx81m";
    private const string Binary = "/usr/bin/redis-server";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private readonly Process _process;
    private readonly DirectoryInfo _folder;

    private RedisServer(Process process, DirectoryInfo folder, int port) => (_process, _folder, Port) = (process, folder, port);

    public int Port { get; }

    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port},password={Password},abortConnect=false");

    /// <summary>Starts one; skips the test where Redis is not installed.</summary>
    public static async Task<RedisServer> StartAsync()
    {
        Assert.SkipUnless(File.Exists(Binary), $"Redis is not installed ({Binary}): apt-get install redis-server.");
        int port = ServerProcess.FreePort();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("facesearch-redis-");
        string settings = Path.Combine(folder.FullName, "redis.conf"); // On the command line the password would be in the process list.
        await File.WriteAllTextAsync(settings, string.Create(CultureInfo.InvariantCulture, $"bind 127.0.0.1\nport {port}\nrequirepass {Password}\nsave \"\"\nappendonly no\ndir {folder.FullName}\n"));
        Process process = Process.Start(new ProcessStartInfo(Binary, [settings]) { RedirectStandardOutput = true })!;
        process.BeginOutputReadLine();
        RedisServer server = new(process, folder, port);
        for (Stopwatch waited = Stopwatch.StartNew(); !await server.AnswersAsync(); await Task.Delay(50))
        {
            if (waited.Elapsed > StartLimit || process.HasExited)
                throw new InvalidOperationException("Redis did not start.");
        }
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            using TcpClient client = new();
            await client.ConnectAsync("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

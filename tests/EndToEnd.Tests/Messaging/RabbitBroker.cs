using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using FaceSearch.EndToEnd.Tests.Server;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace FaceSearch.EndToEnd.Tests.Messaging;

/// <summary>The tests that share one broker run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class BrokerTests : ICollectionFixture<RabbitBroker>
{
    public const string Name = "broker";
}

/// <summary>
/// A private RabbitMQ node from Debian's package, on free loopback ports, with its own port mapper, cookie and temporary folders. It can
/// be stopped, started again on its files, and paused.
/// </summary>
public sealed partial class RabbitBroker : IAsyncLifetime
{
    private const int Terminate = 15, StopSignal = 19, ContinueSignal = 18;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("facesearch-rabbit-").FullName;
    private readonly int _mapperPort = ServerProcess.FreePort(), _distributionPort = ServerProcess.FreePort();
    private Process? _mapper, _node;

    public int Port { get; } = ServerProcess.FreePort();

    /// <summary>Command line of a silo that uses this broker.</summary>
    public string[] Options =>
    [
        "--Messaging:Transport=RabbitMq", "--Messaging:Host=127.0.0.1", string.Create(CultureInfo.InvariantCulture, $"--Messaging:Port={Port}"),
        "--Messaging:PublishTimeout=00:00:02", "--Messaging:PublishPause=00:00:01", "--Messaging:ErrorQueueCheck=00:00:01", "--Messaging:Heartbeat=00:00:05",
    ];

    private static string? Script => Directory.Exists("/usr/lib/rabbitmq/lib")
        ? Directory.EnumerateDirectories("/usr/lib/rabbitmq/lib", "rabbitmq_server-*").Select(d => Path.Combine(d, "sbin", "rabbitmq-server")).FirstOrDefault(File.Exists)
        : null;

    public async ValueTask InitializeAsync()
    {
        if (Script is null)
            return;
        _mapper = Process.Start(new ProcessStartInfo("epmd", ["-port", Text(_mapperPort), "-address", "127.0.0.1"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        await StartAsync();
    }

    /// <summary>Skips the test where there is no RabbitMQ.</summary>
    public void Need()
    {
        if (_node is null)
            Assert.Skip("Needs RabbitMQ: apt-get install rabbitmq-server.");
    }

    public async Task StartAsync()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "home"));
        File.WriteAllText(Path.Combine(_folder, "plugins"), "[].");
        ProcessStartInfo start = new("/bin/sh", [Script!]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder };
        foreach ((string name, string value) in Environment())
            start.Environment[name] = value;
        _node = Process.Start(start)!;
        _node.OutputDataReceived += (_, _) => { };
        _node.ErrorDataReceived += (_, _) => { };
        _node.BeginOutputReadLine();
        _node.BeginErrorReadLine();
        await Until.TrueAsync(AnswersAsync, Limit, "The broker did not start.");
    }

    /// <summary>SIGTERM: what was confirmed is on disk; connections break.</summary>
    public async Task StopAsync()
    {
        Kill(NodeId(), Terminate).ShouldBe(0);
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        await _node!.WaitForExitAsync(limit.Token);
    }

    /// <summary>SIGSTOP: connections stay, nothing answers.</summary>
    public void Pause() => Kill(NodeId(), StopSignal).ShouldBe(0);

    public void Resume() => Kill(NodeId(), ContinueSignal).ShouldBe(0);

    /// <summary>Whatever a test did to it, it runs.</summary>
    public async Task EnsureAsync()
    {
        if (_node!.HasExited)
            await StartAsync();
        else
            Resume();
    }

    public ConnectionFactory Factory() => new() { HostName = "127.0.0.1", Port = Port, AutomaticRecoveryEnabled = false, RequestedConnectionTimeout = TimeSpan.FromSeconds(5) };

    /// <summary>Messages in a queue; 0 if there is no such queue.</summary>
    public async Task<uint> DepthAsync(string queue)
    {
        await using IConnection connection = await Factory().CreateConnectionAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        try
        {
            return (await channel.QueueDeclarePassiveAsync(queue)).MessageCount;
        }
        catch (OperationInterruptedException)
        {
            return 0;
        }
    }

    /// <summary>Forgets what an earlier test left.</summary>
    public async Task DeleteAsync(params string[] queues)
    {
        await using IConnection connection = await Factory().CreateConnectionAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        foreach (string queue in queues)
        {
            await channel.QueueDeleteAsync(queue, ifUnused: false, ifEmpty: false);
            await channel.ExchangeDeleteAsync(queue);
        }
    }

    /// <summary>Puts bytes into a queue as they are.</summary>
    public async Task SendRawAsync(string queue, IEnumerable<(byte[] Body, string ContentType)> messages)
    {
        await using IConnection connection = await Factory().CreateConnectionAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        foreach ((byte[] body, string contentType) in messages)
            await channel.BasicPublishAsync("", queue, mandatory: true, new BasicProperties { ContentType = contentType, Persistent = true }, body);
    }

    public async ValueTask DisposeAsync()
    {
        if (_node is { HasExited: false })
        {
            int node = NodeId();
            _ = Kill(node, ContinueSignal);
            _ = Kill(node, 9);
            await _node.WaitForExitAsync();
        }
        _mapper?.Kill();
        _mapper?.Dispose();
        _node?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<bool> AnswersAsync()
    {
        if (_node!.HasExited)
            throw new InvalidOperationException($"The broker ended with code {_node.ExitCode}.");
        try
        {
            await using IConnection connection = await Factory().CreateConnectionAsync();
            return true;
        }
        catch (Exception e) when (e is BrokerUnreachableException or IOException)
        {
            return false;
        }
    }

    private Dictionary<string, string> Environment() => new()
    {
        ["HOME"] = Path.Combine(_folder, "home"),
        ["ERL_EPMD_PORT"] = Text(_mapperPort),
        ["RABBITMQ_NODENAME"] = $"facesearch{Port}@localhost",
        ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
        ["RABBITMQ_NODE_PORT"] = Text(Port),
        ["RABBITMQ_DIST_PORT"] = Text(_distributionPort),
        ["RABBITMQ_SERVER_START_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
        ["RABBITMQ_MNESIA_BASE"] = Path.Combine(_folder, "mnesia"),
        ["RABBITMQ_LOG_BASE"] = Path.Combine(_folder, "log"),
        ["RABBITMQ_PID_FILE"] = Path.Combine(_folder, "pid"),
        ["RABBITMQ_CONFIG_FILE"] = Path.Combine(_folder, "rabbitmq"),
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(_folder, "plugins"),
    };

    private int NodeId() => int.Parse(File.ReadAllText(Path.Combine(_folder, "pid")), CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <summary>Polls a condition.</summary>
internal static class Until
{
    public static async Task TrueAsync(Func<Task<bool>> condition, TimeSpan limit, string otherwise)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (!await condition())
        {
            if (waited.Elapsed > limit)
                throw new TimeoutException(otherwise);
            await Task.Delay(50);
        }
    }

    public static Task TrueAsync(Func<bool> condition, TimeSpan limit, string otherwise) => TrueAsync(() => Task.FromResult(condition()), limit, otherwise);
}

using FaceSearch.Grains.Shards;
using FaceSearch.Storage;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace FaceSearch.Grains.Tests.Shards;

/// <summary>Real storage in a folder of its own, and shards on it.</summary>
internal sealed class ShardFixture : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly SqliteTemplateLogProvider _logs;

    public ShardFixture()
    {
        DataFolder data = new(_folder.Root);
        _logs = new SqliteTemplateLogProvider(data, TimeProvider.System);
        Snapshots = new FileSnapshotStore(data);
    }

    public TempFolder Folder => _folder;

    public ISnapshotStore Snapshots { get; }

    public RecordedEvents Events { get; } = new();

    public ShardId Id { get; } = new("people", 1, 0);

    internal Task<Shard> OpenAsync(ShardOptions? options = null, ICropStore? crops = null) => ShardOpener.OpenAsync(
        new ShardParts(_logs, Snapshots, Events, options ?? new ShardOptions { SnapshotAfterChanges = int.MaxValue }, TimeProvider.System, NullLogger.Instance, Crops: crops),
        Id, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Task.CompletedTask;
        _folder.Dispose();
    }
}

/// <summary>Remembers what was published.</summary>
internal sealed class RecordedEvents : IEventPublisher
{
    private readonly List<OutboxEvent> _events = [];
    private readonly List<object> _messages = [];

    public IReadOnlyList<OutboxEvent> All
    {
        get
        {
            lock (_events)
                return [.. _events];
        }
    }

    public IReadOnlyList<object> Messages
    {
        get
        {
            lock (_messages)
                return [.. _messages];
        }
    }

    /// <summary>As a broker that cannot be reached.</summary>
    public bool Down { get; set; }

    /// <summary>Is told of every message, and can make its sender wait.</summary>
    public Func<object, Task> Heard { get; set; } = _ => Task.CompletedTask;

    public Task PublishAsync<T>(T message) where T : class
    {
        if (Down)
            throw new InvalidOperationException("The broker is down.");
        lock (_messages)
            _messages.Add(message);
        return Heard(message);
    }

    public Task PublishAsync(ShardId shard, OutboxEvent committed)
    {
        lock (_events)
            _events.Add(committed);
        return Task.CompletedTask;
    }
}

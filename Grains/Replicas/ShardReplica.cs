using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Telemetry;
using FaceSearch.Storage;
using FaceSearch.VectorIndex;

namespace FaceSearch.Grains.Replicas;

/// <summary>What a replica is built from.</summary>
internal sealed record ReplicaParts(ITemplateLogProvider Logs, ISnapshotStore Snapshots, ShardOptions Options);

/// <summary>
/// One replica without its grain: a directory and an index at a known place of the shard's log. Owner of the index and its native memory.
/// Searches go on while it catches up.
/// </summary>
internal sealed class ShardReplica : IAsyncDisposable
{
    private readonly ReplicaParts _parts;
    private readonly ILogFollower _log;
    private readonly ShardDirectory _directory;
    private readonly TieredIndex _index;
    private readonly ReaderGate _readers = new();
    private readonly SemaphoreSlim _following = new(1);
    private long _lsn;

    private ShardReplica(ReplicaParts parts, ILogFollower log, ShardId id, ShardDirectory directory, TieredIndex index, LogHead head)
    {
        (_parts, _log, Id, _directory, _index, Head, _lsn) = (parts, log, id, directory, index, head, head.Lsn);
        ReplicaGauges.Add(this);
    }

    public ShardId Id { get; }

    /// <summary>The place in the log; proven equal to what is in memory.</summary>
    public LogHead Head { get; private set; }

    /// <summary>All changes up to here are visible to searches that begin now.</summary>
    public long Lsn => Interlocked.Read(ref _lsn);

    public ShardDirectory Directory => _directory;

    public long Identities => _directory.Identities;

    public long Templates => _directory.Templates;

    /// <summary>Loads the newest usable snapshot and what the log has since; null if there is no such log.</summary>
    /// <exception cref="StorageException">The log cannot be read, or is damaged.</exception>
    public static async Task<ShardReplica?> OpenAsync(ReplicaParts parts, ShardId id, CancellationToken cancellationToken)
    {
        ILogFollower log = parts.Logs.Follow(id);
        ShardReplica? made = null;
        try
        {
            return made = await OpenAsync(parts, log, id, cancellationToken);
        }
        finally
        {
            if (made is null)
                await log.DisposeAsync();
        }
    }

    private static async Task<ShardReplica?> OpenAsync(ReplicaParts parts, ILogFollower log, ShardId id, CancellationToken cancellationToken)
    {
        foreach (SnapshotInfo snapshot in await parts.Snapshots.ListAsync(id, cancellationToken))
        {
            try
            {
                (ShardDirectory directory, TieredIndex index) = await ShardOpener.LoadAsync(parts.Snapshots, snapshot, parts.Options, cancellationToken);
                return await CompleteAsync(parts, log, id, directory, index, snapshot.Label.Lsn, snapshot.Label.Digest, cancellationToken);
            }
            catch (Exception e) when (ShardOpener.IsOfTheSnapshot(e) || e is IOException)
            {
                // Replaced meanwhile, damaged, or of another history: the next one, or the log alone.
            }
        }
        return await CompleteAsync(parts, log, id, new ShardDirectory(), new TieredIndex(ShardOpener.Options(parts.Options)), 0, 0, cancellationToken);
    }

    private static async Task<ShardReplica?> CompleteAsync(
        ReplicaParts parts, ILogFollower log, ShardId id, ShardDirectory directory, TieredIndex index, long lsn, ulong digest, CancellationToken cancellationToken)
    {
        bool done = false;
        try
        {
            ShardReplay replay = new(directory, index);
            LogHead? head = await log.ReadAsync(lsn, digest, entries =>
            {
                foreach (LogEntry entry in entries)
                    replay.Take(entry);
                replay.Show();
            }, cancellationToken);
            if (head is not { } there)
                return null;
            replay.DropUnowned();
            ShardOpener.Prove(id, there, directory, index);
            done = true;
            return new ShardReplica(parts, log, id, directory, index, there);
        }
        finally
        {
            if (!done)
                index.Dispose();
        }
    }

    /// <summary>Brings it to where the log is at some moment after the call; false if the log is gone.</summary>
    /// <exception cref="LogDamagedException">It is not of this log's history, or what came is not what the log counts: to be loaded anew.</exception>
    /// <exception cref="StorageUnavailableException">The store cannot be reached or read now.</exception>
    public async Task<bool> CatchUpAsync(CancellationToken cancellationToken)
    {
        // Older entries after newer ones would bring back what is gone.
        await _following.WaitAsync(cancellationToken);
        try
        {
            return await FollowAsync(cancellationToken);
        }
        finally
        {
            _following.Release();
        }
    }

    private async Task<bool> FollowAsync(CancellationToken cancellationToken)
    {
        if (await _log.PeekAsync(cancellationToken) is not { } peeked)
            return false;
        if (peeked == Head)
            return true;
        // Entries are proven at the end of their reading, and none is shown before.
        List<LogEntry> entries = [];
        if (await _log.ReadAsync(Head.Lsn, Head.Digest, entries.AddRange, cancellationToken) is not { } head)
            return false;
        await Task.Run(() => Show(entries), CancellationToken.None);
        try
        {
            ShardOpener.Prove(Id, head, _directory, _index);
        }
        catch (LogDamagedException)
        {
            _ = _readers.CloseAsync(); // Nobody reads it any more.
            throw;
        }
        Head = head;
        Interlocked.Exchange(ref _lsn, head.Lsn);
        return true;
    }

    /// <summary>The best identities for a probe. Runs on the calling thread; any number at once.</summary>
    public (ShardFinding Finding, double Microseconds) Search(ShardQuery query)
    {
        using ReaderGate.Lease reading = _readers.Enter();
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        if (!_parts.Options.EarlyDecision)
            query = query with { DecisionThreshold = null };
        ShardFinding finding = ShardSearch.Run(_directory, _index, Id.Generation, query);
        TimeSpan took = System.Diagnostics.Stopwatch.GetElapsedTime(started);
        GrainMetrics.Searched(Id, took);
        return (finding, took.TotalMicroseconds);
    }

    /// <summary>Not while <see cref="CatchUpAsync"/> runs.</summary>
    public async ValueTask DisposeAsync()
    {
        ReplicaGauges.Remove(this);
        await _readers.CloseAsync();
        _index.Dispose();
        _following.Dispose();
        await _log.DisposeAsync();
    }

    private void Show(List<LogEntry> entries)
    {
        ShardReplay replay = new(_directory, _index);
        foreach (LogEntry entry in entries)
            replay.Take(entry);
        replay.Show();
    }
}

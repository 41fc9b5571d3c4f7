using FaceSearch.Grains.Telemetry;
using FaceSearch.Storage;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Shards;

/// <summary>
/// The slow work of a shard, beside its calls: snapshots, completing erasures, publishing the outbox. One loop a shard.
/// </summary>
internal sealed class ShardMaintenance : IAsyncDisposable
{
    public const string IndexFile = "index.fsx";
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>Events on their way to the broker at once, at most.</summary>
    private const int Pipelined = 64;

    private const int MostCounted = 10_000;

    private readonly Shard _shard;
    private readonly ShardParts _parts;
    private readonly SemaphoreSlim _files = new(1);
    private readonly SemaphoreSlim _outbox = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private long _snapshotLsn, _snapshotTicks, _countedAt;
    private long _erasedThroughLsn;
    private bool _erasurePending;
    private long _lastSeenLsn;
    private DateTimeOffset _lastChange;
    private readonly Lock _removing = new();
    private List<TemplateId> _removed;

    /// <summary>After a refusal one at a time: a queue with little room would else take some of many, and the same ones again and again.</summary>
    private int _atOnce = Pipelined;

    public ShardMaintenance(Shard shard, ShardParts parts, ShardState state)
    {
        _shard = shard;
        _parts = parts;
        _snapshotLsn = state.SnapshotLsn;
        _snapshotTicks = state.SnapshotAt?.UtcTicks ?? 0;
        _erasurePending = state.Removed.Count > 0 || state.ErasurePending;
        _removed = parts.Crops is null ? [] : [.. state.Removed];
        _erasedThroughLsn = _erasurePending ? 0 : shard.Log.Head.Lsn;
        _lastSeenLsn = shard.Log.Head.Lsn;
        _lastChange = parts.Time.GetUtcNow();
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>LSN of the newest snapshot; 0 if there is none.</summary>
    public long SnapshotLsn => Interlocked.Read(ref _snapshotLsn);

    /// <summary>When that was written; null if there is none.</summary>
    public DateTimeOffset? SnapshotAt => Interlocked.Read(ref _snapshotTicks) is > 0 and long ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <summary>Templates are gone from the log: their images go with the next completed erasure or snapshot, whichever comes first.</summary>
    public void Removed(IReadOnlyList<TemplateId> templates)
    {
        if (templates.Count == 0 || _parts.Crops is null)
            return;
        lock (_removing)
            _removed.AddRange(templates);
    }

    /// <summary>Writes a snapshot of the present state, unless the newest one is that.</summary>
    public async Task SnapshotAsync()
    {
        await _files.WaitAsync();
        try
        {
            await WriteSnapshotAsync();
        }
        finally
        {
            _files.Release();
        }
    }

    /// <summary>
    /// Makes every removal up to <paramref name="lsn"/> final: images and their keys destroyed, log scrubbed, snapshots that may hold a
    /// removed template replaced, <c>IdentityErased</c> published (later, if the broker is away). Erasures that arrive together share one round.
    /// </summary>
    /// <returns>Snapshots that were replaced.</returns>
    public async Task<int> CompleteErasureAsync(long lsn)
    {
        await _files.WaitAsync();
        try
        {
            if (_erasedThroughLsn >= lsn)
                return 0;
            long target = (await _shard.QuiescentHeadAsync()).Lsn;
            await EraseImagesAsync();
            await _shard.Log.ScrubAsync();
            int outdated = (await _parts.Snapshots.ListAsync(_shard.Id)).Count(s => s.Label.Lsn < target);
            if (outdated > 0)
            {
                await WriteSnapshotAsync();
                await _parts.Snapshots.DeleteBeforeAsync(_shard.Id, SnapshotLsn);
            }
            _erasedThroughLsn = target;
            if (await PublishAsync())
                await _shard.Log.ScrubAsync();
            return outdated;
        }
        finally
        {
            _files.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        await _files.WaitAsync();
        _stop.Dispose();
    }

    private async Task LoopAsync()
    {
        bool tidy = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (!tidy)
                {
                    await TidyAsync();
                    tidy = true;
                }
                if (_erasurePending)
                {
                    await CompleteErasureAsync(_shard.Log.Head.Lsn);
                    _erasurePending = false;
                }
                if (await PublishAsync())
                    await _shard.Log.ScrubAsync();
                if (SnapshotIsDue())
                    await SnapshotAsync();
            }
#pragma warning disable CA1031 // maintenance is retried at the next tick whatever failed
            catch (Exception e)
#pragma warning restore CA1031
            {
                _parts.Logger.LogWarning(e, "Maintenance of shard {Shard} failed; it is tried again.", _shard.Id);
            }
            await Task.Delay(Tick, _parts.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Finishes what a crash may have cut short: removed bytes in the log's free space, snapshots that were about to go.</summary>
    private async Task TidyAsync()
    {
        await _shard.Log.ScrubAsync();
        if (SnapshotLsn > 0)
            await _parts.Snapshots.DeleteBeforeAsync(_shard.Id, SnapshotLsn);
    }

    private bool SnapshotIsDue()
    {
        long lsn = _shard.Log.Head.Lsn;
        DateTimeOffset now = _parts.Time.GetUtcNow();
        if (lsn != _lastSeenLsn)
        {
            _lastSeenLsn = lsn;
            _lastChange = now;
        }
        long unsaved = lsn - SnapshotLsn;
        double due = Math.Max(_parts.Options.SnapshotAfterChanges, _parts.Options.SnapshotAfterShare * _shard.Directory.Templates);
        return unsaved > 0 && (unsaved >= due || now - _lastChange >= _parts.Options.SnapshotWhenQuiet);
    }

    private async Task WriteSnapshotAsync()
    {
        LogHead head = await _shard.QuiescentHeadAsync();
        if (head.Lsn == SnapshotLsn)
            return;
        // A restart from this snapshot would not hear of removals before it.
        await EraseImagesAsync();
        SnapshotLabel label = new(head.Lsn, head.Digest, _shard.Log.Epoch, _parts.Time.GetUtcNow());
        SnapshotInfo written = await _parts.Snapshots.WriteAsync(_shard.Id, label, WriteFilesAsync);
        Interlocked.Exchange(ref _snapshotLsn, head.Lsn);
        Interlocked.Exchange(ref _snapshotTicks, label.CreatedAt.UtcTicks);
        _parts.Logger.LogInformation("Snapshot of shard {Shard} at LSN {Lsn}: {Bytes} bytes.", _shard.Id, head.Lsn, written.Bytes);
    }

    /// <summary>Only under <see cref="_files"/>.</summary>
    private async Task EraseImagesAsync()
    {
        List<TemplateId> removed;
        lock (_removing)
            (removed, _removed) = (_removed, []);
        if (removed.Count == 0 || _parts.Crops is not { } crops)
            return;
        try
        {
            await crops.EraseAsync(_shard.Id.Gallery, removed);
        }
        catch
        {
            Removed(removed);
            throw;
        }
    }

    private ValueTask WriteFilesAsync(string folder, CancellationToken cancellationToken)
    {
        // Index before directory: a template in the directory is then in the index of the same snapshot or in the log's tail.
        _shard.Index.Save(Path.Combine(folder, IndexFile));
        DirectoryFile.Save(_shard.Directory, Path.Combine(folder, DirectoryFile.Name));
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Publishes what may be published, in order as far as erasures go: one is published when everything before it is confirmed, and
    /// nothing overtakes it. What is not confirmed stays. True if an erasure was published.
    /// </summary>
    private async Task<bool> PublishAsync()
    {
        await _outbox.WaitAsync();
        try
        {
            bool erased = false, failed = false;
            while (!failed)
            {
                IReadOnlyList<OutboxEvent> events = await _shard.Log.ReadOutboxAsync(256);
                int done = 0;
                while (done < events.Count && MayPublish(events[done]) && !failed)
                {
                    OutboxEvent[] run = events[done].Kind == OutboxKind.Erased ? [events[done]] : [.. events.Skip(done).TakeWhile(e => e.Kind != OutboxKind.Erased).Take(_atOnce)];
                    int confirmed = await ConfirmedAsync(run);
                    done += confirmed;
                    failed = confirmed < run.Length;
                    _atOnce = failed ? 1 : Math.Min(Pipelined, 2 * _atOnce);
                    erased |= !failed && run[0].Kind == OutboxKind.Erased;
                }
                if (done == 0)
                    break;
                await _shard.Log.ClearOutboxAsync(events[done - 1].Lsn);
            }
            await CountAsync(failed);
            return erased;
        }
        finally
        {
            _outbox.Release();
        }
    }

    /// <summary>An outbox that empties itself is not worth counting; one that does not is counted now and then.</summary>
    private async Task CountAsync(bool failed)
    {
        if (failed && _countedAt != 0 && _parts.Time.GetElapsedTime(_countedAt) < TimeSpan.FromSeconds(10))
            return;
        _countedAt = failed ? _parts.Time.GetTimestamp() : 0;
        GrainMetrics.Outbox($"shard-{_shard.Id.Generation}-{_shard.Id.Shard}", _shard.Id.Gallery, failed ? (await _shard.Log.ReadOutboxAsync(MostCounted)).Count : 0);
    }

    private bool MayPublish(OutboxEvent e) => e.Kind != OutboxKind.Erased || e.Lsn <= _erasedThroughLsn;

    /// <summary>How many of these the broker has confirmed, counted from the first.</summary>
    private async Task<int> ConfirmedAsync(OutboxEvent[] run)
    {
        Task[] sending = [.. run.Select(async e => await _parts.Events.PublishAsync(_shard.Id, e))];
        await Task.WhenAll(sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        int confirmed = Array.FindIndex(sending, s => !s.IsCompletedSuccessfully);
        if (confirmed >= 0 && sending[confirmed].Exception?.InnerException is { } e and not BrokerUnavailableException)
            _parts.Logger.LogWarning(e, "An event of shard {Shard} could not be published; it is tried again.", _shard.Id);
        return confirmed < 0 ? sending.Length : confirmed;
    }
}

using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Group commit into append blobs: a batch is decided in a transaction on the local state, appended as one block, and only then
/// committed locally and answered.
/// </summary>
internal sealed class AzureGroupCommit(LocalLog local, LogParts parts, TimeProvider time, TimeSpan retention) : CommitQueue(local.Writer.State)
{
    /// <summary>Groups after which the local write-ahead log is copied into the local database.</summary>
    private const int GroupsPerCheckpoint = 256;

    private int _groups;

    /// <summary>Forgets events up to an LSN, durably.</summary>
    public Task ClearOutboxAsync(long throughLsn) => RunBetweenAsync(async () =>
    {
        LogWriter writer = local.Writer;
        writer.BeginUnder(epoch: null);
        if (writer.ClearOutbox(throughLsn) == 0)
        {
            writer.Rollback();
            await parts.Segment.ConfirmAsync().ConfigureAwait(false);
            return true;
        }
        await parts.AppendAsync(LogFrameKind.ClearOutbox, BitConverter.GetBytes(throughLsn)).ConfigureAwait(false);
        writer.Commit();
        parts.Removes = true;
        return true;
    });

    /// <summary>Runs something between two groups; what it throws stops the log unless it is <see cref="StorageUnavailableException"/>.</summary>
    public Task<bool> RunBetweenAsync(Func<Task<bool>> run) => EnqueueErrand(() => new(run()));

    protected override async ValueTask WriteAsync(IReadOnlyList<Change> batch)
    {
        LogWriter writer = local.Writer;
        writer.BeginUnder(epoch: null);
        List<byte[]> applied = [];
        bool removes = false;
        foreach (Change change in batch)
        {
            byte[] bytes = ChangeCodec.Encode(change.What);
            IdentityChange what = ChangeCodec.Decode(bytes);
            change.Result = writer.Changes.Apply(what);
            if (change.Result.Status != CommitStatus.Applied)
                continue;
            applied.Add(bytes);
            removes |= LocalLog.Removes(what);
        }
        if (applied.Count == 0)
        {
            // Nothing to write; but what is answered must still be the latest.
            writer.Rollback();
            await parts.Segment.ConfirmAsync().ConfigureAwait(false);
            return;
        }
        DateTimeOffset before = time.GetUtcNow() - retention;
        writer.Changes.Prune(before, 2 * batch.Count);
        writer.SaveMeta(writer.State);
        var group = new ChangeGroup(writer.State.Lsn, writer.State.Digest, before, 2 * batch.Count, applied);
        await parts.AppendAsync(LogFrameKind.Changes, group.Encode()).ConfigureAwait(false);
        writer.Commit();
        parts.Removes |= removes;
        Head = writer.State.Head;
        _groups++;
    }

    protected override void Tidy()
    {
        if (_groups < GroupsPerCheckpoint || HasFailed)
            return;
        _groups = 0;
        try
        {
            LogFile.Checkpoint(local.Writer, "PASSIVE");
        }
        catch (SqliteException e) when (e.IsFull())
        {
            // The local log is intact; the next one tries again.
        }
        catch (SqliteException e)
        {
            _ = AbortAsync(e); // Ends at once: nothing in it waits.
        }
    }

    /// <summary>Only if the service has refused, so that nothing was or will be written, the log may go on.</summary>
    protected override ValueTask<Exception?> TakeBackAsync(Exception e)
    {
        try
        {
            local.Writer.Rollback();
        }
        catch (SqliteException)
        {
            return default;
        }
        return new(e as StorageUnavailableException);
    }

    protected override Exception Translate(Exception e) => e;
}

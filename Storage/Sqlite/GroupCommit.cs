using FaceSearch.Storage.Logs;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>Group commit into SQLite: one transaction and one fsync for all the changes of a batch.</summary>
internal sealed class GroupCommit(LogWriter writer, AcknowledgementMark mark, MetaRow opened, TimeProvider time, TimeSpan retention) : CommitQueue(opened)
{
    /// <summary>Pages written after which the write-ahead log is copied into the database (16 MiB).</summary>
    private const int CheckpointPages = 4096;

    private const int Busy = 5, CacheWrites = 9; // SQLITE_BUSY, SQLITE_DBSTATUS_CACHE_WRITE

    /// <summary>Forgets events up to an LSN, durably.</summary>
    public Task ClearOutboxAsync(long throughLsn) => EnqueueErrand(() =>
    {
        writer.BeginUnder(Epoch);
        if (writer.ClearOutbox(throughLsn) > 0)
            writer.Commit();
        else
            writer.Rollback();
        return new(true);
    });

    /// <summary>Copies the write-ahead log into the database and cuts it to nothing; false while a reader still needs it.</summary>
    public Task<bool> TryTruncateAsync() => EnqueueErrand(() => new(LogFile.Checkpoint(writer, "TRUNCATE")));

    protected override ValueTask WriteAsync(IReadOnlyList<Change> batch)
    {
        writer.BeginUnder(Epoch);
        foreach (Change change in batch)
            Decide(change);
        if (writer.Changes.HasWritten)
        {
            writer.Changes.Prune(time.GetUtcNow() - retention, 2 * batch.Count);
            writer.SaveMeta(writer.State);
            writer.Commit();
            Head = writer.State.Head;
            mark.Write(writer.State.Lsn, writer.State.Digest);
        }
        else
        {
            writer.Rollback();
        }
        return ValueTask.CompletedTask;
    }

    /// <summary>After "no space" or "busy", cleanly rolled back, the log may go on; after anything else it may not.</summary>
    protected override ValueTask<Exception?> TakeBackAsync(Exception e)
    {
        if (!TryRollback() || e is not SqliteException sqlite)
            return default;
        return new(sqlite.IsFull() ? new StorageFullException(Shard, sqlite)
            : sqlite.SqliteErrorCode == Busy ? SqliteErrors.Translate(Shard, sqlite)
            : null);
    }

    protected override Exception Translate(Exception e) => SqliteErrors.Translate(Shard, e);

    protected override void Tidy()
    {
        SQLitePCL.raw.sqlite3_db_status(writer.Connection.Handle, CacheWrites, out int pages, out _, 0);
        if (pages < CheckpointPages || HasFailed)
            return;
        SQLitePCL.raw.sqlite3_db_status(writer.Connection.Handle, CacheWrites, out _, out _, 1);
        try
        {
            LogFile.Checkpoint(writer, "PASSIVE");
        }
        catch (SqliteException e) when (e.IsFull())
        {
            // The log itself is intact and flushed; the next one tries again.
        }
        catch (SqliteException e)
        {
            _ = AbortAsync(e); // Ends at once: nothing in it waits.
        }
    }

    protected override void Close()
    {
        writer.Dispose();
        mark.Dispose();
    }

    /// <summary>Applies one change; damage that is met while it is only being looked at fails this change alone.</summary>
    private void Decide(Change change)
    {
        try
        {
            change.Result = writer.Changes.Apply(change.What);
        }
        catch (Exception e) when (writer.InTransaction && !writer.Changes.IsWriting && SqliteErrors.Translate(Shard, e) is LogDamagedException)
        {
            change.Refusal = SqliteErrors.Translate(Shard, e);
        }
    }

    private bool TryRollback()
    {
        try
        {
            writer.Rollback();
            return true;
        }
        catch (SqliteException)
        {
            return false;
        }
    }
}

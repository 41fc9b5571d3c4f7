using FaceSearch.Storage.Backup;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>Copies all rows of a log out of, or into, its tables.</summary>
internal static class LogRowCopy
{
    /// <summary>Chunks after which the write-ahead log is copied into the database.</summary>
    private const int ChunksPerCheckpoint = 64;

    /// <summary>The rows as one read transaction sees them. Needs a free connection until the end.</summary>
    public static IEnumerable<LogChunk> Read(LogConnection log)
    {
        log.Begin();
        try
        {
            yield return new LogChunk.Head(log.Meta());
            foreach (List<IdentityRow> rows in Pages($"{LogConnection.SelectIdentities} ORDER BY key", log.ReadIdentity))
                yield return new LogChunk.Identities(rows);
            foreach (List<TombstoneRow> rows in Pages($"{LogConnection.SelectTombstones} ORDER BY added", log.ReadTombstone))
                yield return new LogChunk.Tombstones(rows);
            foreach (List<TemplateRow> rows in Pages($"{LogConnection.SelectTemplates} ORDER BY lsn", log.ReadTemplate))
            {
                if (rows.FindAll(r => r.IsLive) is { Count: > 0 } live)
                    yield return new LogChunk.Templates(live);
            }
            foreach (List<OutboxRow> rows in Pages($"{LogConnection.SelectOutbox} ORDER BY lsn", log.ReadOutbox))
                yield return new LogChunk.Outbox(rows);
            foreach (List<CommitRow> rows in Pages($"{LogConnection.SelectCommits} ORDER BY lsn", log.ReadCommit))
                yield return new LogChunk.Commits(rows);
        }
        finally
        {
            log.Rollback();
        }

        IEnumerable<List<T>> Pages<T>(string sql, Func<SqliteDataReader, T> read)
        {
            using Statement select = new(log.Connection, sql, 0);
            using SqliteDataReader r = select.Query();
            while (true)
            {
                List<T> page = [];
                while (page.Count < LogChunk.MaxRows && r.Read())
                    page.Add(read(r));
                if (page.Count == 0)
                    yield break;
                yield return page;
            }
        }
    }

    /// <summary>
    /// Writes rows into empty tables that nobody else sees yet, and flushes once at the end. Removed templates become dead rows at the
    /// places they had, since rows of <c>templates</c> must be appended in the order of their LSNs (docs/log-format.md, "Erasing").
    /// </summary>
    public static async Task WriteAsync(LogWriter log, MetaRow head, IAsyncEnumerable<LogChunk> rows, CancellationToken cancellationToken)
    {
        log.Execute("PRAGMA synchronous=OFF");
        Queue<TombstoneRow> dead = [];
        int chunks = 0;
        await foreach (LogChunk chunk in rows.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            log.Begin();
            Write(log, chunk, dead);
            log.Commit();
            if (++chunks % ChunksPerCheckpoint == 0)
                LogFile.Checkpoint(log, "PASSIVE");
        }
        log.Begin();
        Bury(log, dead, long.MaxValue);
        log.SaveMeta(head);
        log.Commit();
        log.Execute("PRAGMA synchronous=FULL");
        if (!LogFile.Checkpoint(log, "TRUNCATE"))
            throw new StorageUnavailableException($"The log of shard {head.Shard} could not be flushed.", null);
    }

    private static void Write(LogWriter log, LogChunk chunk, Queue<TombstoneRow> dead)
    {
        switch (chunk)
        {
            case LogChunk.Identities c:
                Each(c.Rows, r => log.PutIdentity(r, isNew: true));
                break;
            case LogChunk.Tombstones c:
                Each(c.Rows, log.PutTombstone);
                Each(c.Rows, dead.Enqueue);
                break;
            case LogChunk.Templates c:
                Each(c.Rows, r =>
                {
                    Bury(log, dead, r.Lsn);
                    log.PutTemplate(r);
                });
                break;
            case LogChunk.Outbox c:
                Each(c.Rows, log.PutOutbox);
                break;
            case LogChunk.Commits c:
                Each(c.Rows, log.PutCommit);
                break;
        }
    }

    private static void Bury(LogWriter log, Queue<TombstoneRow> dead, long before)
    {
        while (dead.TryPeek(out TombstoneRow tombstone) && tombstone.Added < before)
        {
            dead.Dequeue();
            log.PutTemplate(new TemplateRow(tombstone.Added, tombstone.Template, 0, []).Removed(log.Hasher));
        }
    }

    private static void Each<T>(IReadOnlyList<T> rows, Action<T> put)
    {
        foreach (T row in rows)
            put(row);
    }
}

using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>Reads a whole log: structure, indexes, every row's checksum, every reference, every count, the chain, the digest.</summary>
internal sealed class LogVerification(LogConnection log)
{
    private readonly Dictionary<long, long> _members = []; // LSN of a template -> key of the identity that names it
    private ulong _digest;

    /// <summary>Needs a free connection.</summary>
    public LogHead Run(CancellationToken cancellationToken)
    {
        log.Begin();
        try
        {
            MetaRow head = log.Meta();
            if (log.Scalar("PRAGMA integrity_check(1)") is not "ok")
                throw log.Damaged("SQLite's integrity check found a broken page or index");
            long identities = Each(LogConnection.SelectIdentities, log.ReadIdentity, Identity, cancellationToken);
            long live = 0;
            Each(LogConnection.SelectTemplates, log.ReadTemplate, row => live += Template(row), cancellationToken);
            long tombstones = Each(LogConnection.SelectTombstones, log.ReadTombstone, _ => { }, cancellationToken);
            long outbox = Each(LogConnection.SelectOutbox, log.ReadOutbox, _ => { }, cancellationToken);
            long chain = 0;
            ulong digest = 0;
            long commits = Each($"{LogConnection.SelectCommits} ORDER BY lsn", log.ReadCommit, row =>
            {
                chain = row.Prior == chain ? row.Lsn : throw log.Damaged($"the commit before LSN {row.Lsn} is missing");
                digest = row.Digest;
            }, cancellationToken);
            if (_members.Count > 0)
                throw log.Damaged("template rows are missing");
            if ((identities, live, tombstones, outbox, commits) != (head.Identities, head.Templates, head.Tombstones, head.Outbox, head.Commits))
                throw log.Damaged("rows are missing");
            if (chain != head.Lsn || digest != head.Digest || _digest != head.Digest)
                throw log.Damaged("its rows do not add up to its digest");
            return head.Head;
        }
        finally
        {
            log.Rollback();
        }
    }

    private long Each<T>(string sql, Func<SqliteDataReader, T> read, Action<T> visit, CancellationToken cancellationToken)
    {
        using var statement = new Statement(log.Connection, sql, 0);
        using SqliteDataReader r = statement.Query();
        long count = 0;
        for (; r.Read(); count++)
        {
            if ((count & 1023) == 0)
                cancellationToken.ThrowIfCancellationRequested();
            visit(read(r));
        }
        return count;
    }

    private void Identity(IdentityRow row)
    {
        _digest += row.Hash(log.Hasher);
        foreach (long lsn in row.MemberLsns)
        {
            if (!_members.TryAdd(lsn, row.Key))
                throw log.Damaged($"two identities name template row {lsn}");
        }
    }

    private int Template(TemplateRow row)
    {
        if (!row.IsLive)
            return 0;
        _digest += row.StoredHash;
        if (!_members.Remove(row.Lsn, out long owner) || owner != row.Identity)
            throw log.Damaged($"template row {row.Lsn} is not named by its identity");
        return 1;
    }
}

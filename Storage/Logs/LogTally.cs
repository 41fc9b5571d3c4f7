using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Logs;

/// <summary>Adds up all rows of a log, identities before templates, and compares them with its head: references, counts, chain, digest.</summary>
internal sealed class LogTally(MetaRow head, RowHasher hasher)
{
    private readonly Dictionary<long, long> _members = []; // LSN of a template -> key of the identity that names it
    private ulong _digest, _lastDigest;
    private long _identities, _live, _tombstones, _outbox, _commits, _chain;

    public void Add(IdentityRow row)
    {
        _identities++;
        _digest += row.Hash(hasher);
        foreach (long lsn in row.MemberLsns)
        {
            if (!_members.TryAdd(lsn, row.Key))
                throw Damaged($"two identities name template row {lsn}");
        }
    }

    public void Add(TemplateRow row)
    {
        if (!row.IsLive)
            return;
        _live++;
        _digest += row.StoredHash;
        if (!_members.Remove(row.Lsn, out long owner) || owner != row.Identity)
            throw Damaged($"template row {row.Lsn} is not named by its identity");
    }

    public void Add(TombstoneRow row) => _tombstones += row.Lsn > 0 ? 1 : 0;

    public void Add(OutboxRow row) => _outbox += row.Lsn > 0 ? 1 : 0;

    /// <summary>In the order of their LSNs.</summary>
    public void Add(CommitRow row)
    {
        _commits++;
        _chain = row.Prior == _chain ? row.Lsn : throw Damaged($"the commit before LSN {row.Lsn} is missing");
        _lastDigest = row.Digest;
    }

    /// <exception cref="LogDamagedException">Something does not agree.</exception>
    public LogHead Prove()
    {
        if (_members.Count > 0)
            throw Damaged("template rows are missing");
        if ((_identities, _live, _tombstones, _outbox, _commits) != (head.Identities, head.Templates, head.Tombstones, head.Outbox, head.Commits))
            throw Damaged("rows are missing");
        if (_chain != head.Lsn || _lastDigest != head.Digest || _digest != head.Digest)
            throw Damaged("its rows do not add up to its digest");
        return head.Head;
    }

    private LogDamagedException Damaged(string what) => new(head.Shard, what);
}

using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Logs;

/// <summary>
/// Turns the rows after an LSN, given in the order of their LSNs, into entries, and proves at the end that none is missing: the commits
/// after the anchor form a chain without gaps, and
/// <code>
/// digest now - digest at the anchor = hashes of the live rows added since
///     - hashes of the templates that were there and are gone - hashes of the identity rows that were there and changed
/// </code>
/// </summary>
internal sealed class DiffProof
{
    private readonly MetaRow _head;
    private readonly long _after;
    private readonly RowHasher _hasher;
    private long _chain;
    private ulong _expected;
    private long _liveTemplates, _liveIdentities;

    public DiffProof(MetaRow head, long after, ulong digest, RowHasher hasher) =>
        (_head, _after, _hasher, _chain, _expected) = (head, after, hasher, after, digest);

    /// <summary>Where the view that is read ends.</summary>
    public LogHead Head => _head.Head;

    /// <summary>Compares the caller's position with the log's.</summary>
    /// <param name="anchor">The commit at the caller's LSN; null if there is none.</param>
    public void CheckAnchor(CommitRow? anchor)
    {
        if (_after > _head.Lsn || (_after == 0 ? 0 : anchor?.Digest) != _expected)
            throw Damaged($"the digest asked for is not this log's at LSN {_after}");
    }

    public LogEntry Take(TemplateRow row, string owner)
    {
        _expected += row.StoredHash;
        _liveTemplates++;
        return new LogEntry.TemplateAdded(row.Lsn, owner, row.Record);
    }

    public LogEntry Take(TombstoneRow row)
    {
        if (row.Added <= _after)
            _expected -= row.WasHash;
        return new LogEntry.TemplateRemoved(row.Lsn, new(row.Template));
    }

    public LogEntry Take(IdentityRow row)
    {
        _expected += row.Hash(_hasher);
        _liveIdentities++;
        return new LogEntry.IdentityChanged(row.Lsn, row.Id, RowReader.Metadata(_head.Shard, row), row.Version);
    }

    /// <summary>Null for a commit that is no entry of its own.</summary>
    public LogEntry? Take(CommitRow row)
    {
        if (row.Prior != _chain)
            throw Damaged($"the commit before LSN {row.Lsn} is missing");
        _chain = row.Lsn;
        if (row.WasLsn > 0 && row.WasLsn <= _after)
            _expected -= row.WasHash;
        return row.Kind == CommitKind.Erasure ? new LogEntry.IdentityGone(row.Lsn, row.Identity) : null;
    }

    /// <summary>Nothing comes any more.</summary>
    /// <param name="withCommits">Whether commits were read.</param>
    public void CheckEnd(bool withCommits)
    {
        if (withCommits && _chain != _head.Lsn)
            throw Damaged($"commits after LSN {_chain} are missing");
        if (_expected != _head.Digest)
            throw Damaged($"the rows after LSN {_after} do not add up to its digest");
        if (_after == 0 && (_liveTemplates != _head.Templates || _liveIdentities != _head.Identities))
            throw Damaged("rows are missing");
    }

    private LogDamagedException Damaged(string what) => new(_head.Shard, what);
}

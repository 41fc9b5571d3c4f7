using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// What changed after an LSN, read from one consistent view: the four tables merged by LSN. Completeness is proven at the
/// end: the commits after the anchor form a chain without gaps, and
/// <code>
/// digest now - digest at the anchor = hashes of the live rows added since
///     - hashes of the templates that were there and are gone - hashes of the identity rows that were there and changed
/// </code>
/// </summary>
internal sealed class LogDiff : IDisposable
{
    private readonly LogConnection _log;
    private readonly long _after;
    private readonly MetaRow _head;
    private readonly List<Statement> _statements = [];
    private SqliteDataReader? _templates, _identities, _tombstones, _commits;
    private TemplateRow? _template;
    private IdentityRow? _identity;
    private TombstoneRow? _tombstone;
    private CommitRow? _commit;
    private long _chain;
    private ulong _expected;
    private long _liveTemplates, _liveIdentities;
    private (long Key, string Id) _owner;

    /// <summary>Begins a read transaction on a connection that is free.</summary>
    public LogDiff(LogConnection log, long after, ulong digest)
    {
        (_log, _after, _chain, _expected) = (log, after, after, digest);
        try
        {
            log.Begin();
            _head = log.Meta();
            ulong? anchor = after == 0 ? 0 : log.CommitAt(after)?.Digest;
            if (after > _head.Lsn || anchor != digest)
                throw log.Damaged($"the digest asked for is not this log's at LSN {after}");
            OpenReaders();
        }
        catch
        {
            Dispose(); // An open reader would keep the connection at this state for ever.
            throw;
        }
    }

    /// <summary>The next entries, at most <paramref name="limit"/>; empty at the (then verified) end.</summary>
    public List<LogEntry> Next(int limit)
    {
        var entries = new List<LogEntry>(limit);
        while (entries.Count < limit)
        {
            Advance();
            long lsn = Math.Min(Math.Min(_template?.Lsn ?? long.MaxValue, _identity?.Lsn ?? long.MaxValue),
                Math.Min(_tombstone?.Lsn ?? long.MaxValue, _commit?.Lsn ?? long.MaxValue));
            if (lsn == long.MaxValue)
            {
                if (entries.Count == 0)
                    CheckEnd();
                return entries;
            }
            Take(lsn, entries);
        }
        return entries;
    }

    public void Dispose()
    {
        _templates?.Dispose();
        _identities?.Dispose();
        _tombstones?.Dispose();
        _commits?.Dispose();
        foreach (Statement statement in _statements)
            statement.Dispose();
        _log.Rollback();
    }

    private void OpenReaders()
    {
        _templates = Open($"{LogConnection.SelectTemplates} WHERE lsn > @0 ORDER BY lsn");
        _identities = Open($"{LogConnection.SelectIdentities} INDEXED BY identities_by_lsn WHERE lsn > @0 ORDER BY lsn");
        if (_after == 0)
            return; // Nothing can be gone for a reader that starts with nothing.
        _tombstones = Open($"{LogConnection.SelectTombstones} WHERE lsn > @0 ORDER BY lsn");
        _commits = Open($"{LogConnection.SelectCommits} WHERE lsn > @0 ORDER BY lsn");
    }

    private SqliteDataReader Open(string sql)
    {
        var statement = new Statement(_log.Connection, sql, 1);
        _statements.Add(statement);
        return statement.Query(_after);
    }

    private void Advance()
    {
        while (_template is null && _templates?.Read() == true)
        {
            TemplateRow row = _log.ReadTemplate(_templates);
            _template = row.IsLive ? row : null;
        }
        if (_identity is null && _identities?.Read() == true)
            _identity = _log.ReadIdentity(_identities);
        if (_tombstone is null && _tombstones?.Read() == true)
            _tombstone = _log.ReadTombstone(_tombstones);
        if (_commit is null && _commits?.Read() == true)
            _commit = _log.ReadCommit(_commits);
    }

    private void Take(long lsn, List<LogEntry> entries)
    {
        if (_template is { } template && template.Lsn == lsn)
        {
            _expected += template.StoredHash;
            _liveTemplates++;
            entries.Add(new LogEntry.TemplateAdded(lsn, OwnerOf(template), template.Record));
            _template = null;
        }
        if (_tombstone is { } tombstone && tombstone.Lsn == lsn)
        {
            if (tombstone.Added <= _after)
                _expected -= tombstone.WasHash;
            entries.Add(new LogEntry.TemplateRemoved(lsn, new(tombstone.Template)));
            _tombstone = null;
        }
        if (_identity is { } identity && identity.Lsn == lsn)
        {
            _expected += identity.Hash(_log.Hasher);
            _liveIdentities++;
            entries.Add(new LogEntry.IdentityChanged(lsn, identity.Id, _log.Describe(identity, []).Metadata, identity.Version));
            _identity = null;
        }
        if (_commit is { } commit && commit.Lsn == lsn)
        {
            if (commit.Prior != _chain)
                throw _log.Damaged($"the commit before LSN {lsn} is missing");
            _chain = lsn;
            if (commit.WasLsn > 0 && commit.WasLsn <= _after)
                _expected -= commit.WasHash;
            if (commit.Kind == CommitKind.Erasure)
                entries.Add(new LogEntry.IdentityGone(lsn, commit.Identity));
            _commit = null;
        }
    }

    private string OwnerOf(TemplateRow template)
    {
        if (_owner.Key != template.Identity || _owner.Id is null)
            _owner = (template.Identity, _log.IdentityByKey(template.Identity).Id);
        return _owner.Id;
    }

    private void CheckEnd()
    {
        if (_commits is not null && _chain != _head.Lsn)
            throw _log.Damaged($"commits after LSN {_chain} are missing");
        if (_expected != _head.Digest)
            throw _log.Damaged($"the rows after LSN {_after} do not add up to its digest");
        if (_after == 0 && (_liveTemplates != _head.Templates || _liveIdentities != _head.Identities))
            throw _log.Damaged("rows are missing");
    }
}

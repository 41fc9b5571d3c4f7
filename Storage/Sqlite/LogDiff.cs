using FaceSearch.Storage.Logs;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>What changed after an LSN, read from one consistent view: the four tables merged by LSN.</summary>
internal sealed class LogDiff : IDisposable
{
    private const int ChunkLength = 1024;
    private readonly LogConnection _log;
    private readonly long _after;
    private readonly DiffProof _proof;
    private readonly List<Statement> _statements = [];
    private SqliteDataReader? _templates, _identities, _tombstones, _commits;
    private TemplateRow? _template;
    private IdentityRow? _identity;
    private TombstoneRow? _tombstone;
    private CommitRow? _commit;
    private (long Key, string Id) _owner;

    /// <summary>Begins a read transaction on a connection that is free.</summary>
    public LogDiff(LogConnection log, long after, ulong digest)
    {
        (_log, _after) = (log, after);
        try
        {
            log.Begin();
            _proof = new DiffProof(log.Meta(), after, digest, log.Hasher);
            _proof.CheckAnchor(log.CommitAt(after));
            OpenReaders();
        }
        catch
        {
            Dispose(); // An open reader would keep the connection at this state for ever.
            throw;
        }
    }

    /// <summary>Gives all of it piece by piece; nothing is proven before it returns the head of the view.</summary>
    public static LogHead Read(LogConnection log, long after, ulong digest, Action<IReadOnlyList<LogEntry>> take, CancellationToken cancellationToken)
    {
        using LogDiff diff = new(log, after, digest);
        while (diff.Next(ChunkLength) is { Count: > 0 } chunk)
        {
            cancellationToken.ThrowIfCancellationRequested();
            take(chunk);
        }
        return diff.Head;
    }

    /// <summary>Where the view ends.</summary>
    public LogHead Head => _proof.Head;

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
                    _proof.CheckEnd(withCommits: _commits is not null);
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
            entries.Add(_proof.Take(template, OwnerOf(template)));
            _template = null;
        }
        if (_tombstone is { } tombstone && tombstone.Lsn == lsn)
        {
            entries.Add(_proof.Take(tombstone));
            _tombstone = null;
        }
        if (_identity is { } identity && identity.Lsn == lsn)
        {
            entries.Add(_proof.Take(identity));
            _identity = null;
        }
        if (_commit is { } commit && commit.Lsn == lsn)
        {
            if (_proof.Take(commit) is { } gone)
                entries.Add(gone);
            _commit = null;
        }
    }

    private string OwnerOf(TemplateRow template)
    {
        if (_owner.Key != template.Identity || _owner.Id is null)
            _owner = (template.Identity, _log.IdentityByKey(template.Identity).Id);
        return _owner.Id;
    }
}

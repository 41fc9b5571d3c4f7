using FaceSearch.Storage.Logs;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>The writing connection: the rows of a log inside a transaction that the caller begins and ends.</summary>
internal sealed class LogWriter : LogConnection, ILogTables
{
    private readonly Statement _putMeta, _putTemplate, _overwriteTemplate, _findTemplate, _putIdentity, _changeIdentity, _dropIdentity,
        _putCommit, _rewriteCommit, _commitsOf, _oldCommits, _putTombstone, _putOutbox, _clearOutbox;

    public LogWriter(ShardId shard, string file)
        : base(shard, file, write: true)
    {
        Changes = new ChangeApplier(this);
        _putMeta = Prepare("REPLACE INTO meta VALUES (1, @0, @1, @2, @3, @4, @5, @6, @7, @8, @9, @10, @11, @12)", 13);
        _putTemplate = Prepare("INSERT INTO templates VALUES (@0, @1, @2, @3)", 4);
        _overwriteTemplate = Prepare("UPDATE templates SET body = @1 WHERE lsn = @0", 2);
        _findTemplate = Prepare("SELECT lsn FROM templates WHERE id = @0", 1);
        _putIdentity = Prepare("INSERT INTO identities VALUES (@0, @1, @2, @3, @4, @5, @6, @7, @8)", 9);
        _changeIdentity = Prepare("UPDATE identities SET lsn = @1, version = @2, updated = @3, metadata = @4, members = @5, hash = @6 WHERE key = @0", 7);
        _dropIdentity = Prepare("DELETE FROM identities WHERE key = @0", 1);
        _putCommit = Prepare("INSERT INTO commits VALUES (@0, @1, @2, @3, @4, @5, @6, @7, @8, @9, @10, @11, @12, @13)", 14);
        _rewriteCommit = Prepare("UPDATE commits SET kind = @1, operation = @2, fingerprint = @3, version = @4, templates = @5, hash = @6 WHERE lsn = @0", 7);
        _commitsOf = Prepare($"{SelectCommits} INDEXED BY commits_by_identity WHERE identity = @0 AND owner = @1", 2);
        _oldCommits = Prepare($"{SelectCommits} WHERE lsn > @0 ORDER BY lsn LIMIT @1", 2);
        _putTombstone = Prepare("INSERT INTO tombstones VALUES (@0, @1, @2, @3, @4)", 5);
        _putOutbox = Prepare("INSERT INTO outbox VALUES (@0, @1, @2, @3, @4, @5)", 6);
        _clearOutbox = Prepare("DELETE FROM outbox WHERE lsn <= @0", 1);
    }

    /// <summary>Decides and applies changes to this connection's rows.</summary>
    public ChangeApplier Changes { get; }

    /// <summary>The head inside the open transaction.</summary>
    public MetaRow State => Changes.State;

    /// <summary>Begins a transaction and checks that the epoch is still the caller's (null: any).</summary>
    /// <exception cref="EpochFencedException">It is not.</exception>
    public void BeginUnder(long? epoch)
    {
        Begin();
        Changes.Begin(Meta());
        if (epoch is { } mine && State.Epoch != mine)
            throw new EpochFencedException(Shard, mine);
    }

    public void SaveMeta(MetaRow row)
    {
        Changes.Set(row);
        _putMeta.Run(row.Shard.Gallery, row.Shard.Generation, row.Shard.Shard, row.Epoch, row.Lsn, row.Identities, row.Templates,
            row.Tombstones, row.Commits, row.Outbox, row.Pruned, (long)row.Digest, (long)row.Hash(Hasher));
    }

    /// <summary>Forgets events; returns how many.</summary>
    public int ClearOutbox(long throughLsn)
    {
        int cleared = _clearOutbox.Run(throughLsn);
        SaveMeta(State with { Outbox = State.Outbox - cleared });
        return cleared;
    }

    public bool Exists(TemplateId id)
    {
        using SqliteDataReader r = _findTemplate.Query(id.Value);
        return r.Read();
    }

    public IReadOnlyList<CommitRow> CommitsOf(ulong identity, long owner) => Commits(_commitsOf, (long)identity, owner);

    public IReadOnlyList<CommitRow> OldCommits(long after, int limit) => Commits(_oldCommits, after, limit);

    public void PutTemplate(TemplateRow row) => _putTemplate.Run(row.Lsn, row.Id, row.Identity, row.Body);

    /// <summary>Overwrites it in place (see <see cref="TemplateRow"/>).</summary>
    public void RemoveTemplate(TemplateRow row)
    {
        if (_overwriteTemplate.Run(row.Lsn, row.Removed(Hasher).Body) != 1)
            throw Damaged($"template row {row.Lsn} is missing");
    }

    public void PutIdentity(IdentityRow row, bool isNew)
    {
        long hash = (long)row.Hash(Hasher);
        if (isNew)
            _putIdentity.Run(row.Key, row.Id, row.Lsn, row.Version, row.Created, row.Updated, row.Metadata, row.Members, hash);
        else if (_changeIdentity.Run(row.Key, row.Lsn, row.Version, row.Updated, row.Metadata, row.Members, hash) != 1)
            throw Damaged($"identity row {row.Key} is missing");
    }

    public void DropIdentity(IdentityRow row) => _dropIdentity.Run(row.Key);

    public void RewriteCommit(CommitRow row) =>
        _rewriteCommit.Run(row.Lsn, (long)row.Kind, row.Operation, (long)row.Fingerprint, row.Version, row.Templates, (long)row.Hash(Hasher));

    public void PutCommit(CommitRow row) => _putCommit.Run(row.Lsn, row.Prior, row.At, (long)row.Identity, row.Owner, (long)row.Kind, row.Operation,
        (long)row.Fingerprint, row.Version, row.Templates, row.WasLsn, (long)row.WasHash, (long)row.Digest, (long)row.Hash(Hasher));

    public void PutTombstone(TombstoneRow row) => _putTombstone.Run(row.Lsn, row.Template, row.Added, (long)row.WasHash, (long)row.Hash(Hasher));

    public void PutOutbox(OutboxRow row) => _putOutbox.Run(row.Lsn, (long)row.Kind, row.Identity, row.Templates, row.At, (long)row.Hash(Hasher));

    private List<CommitRow> Commits(Statement query, long first, long second)
    {
        var rows = new List<CommitRow>();
        using SqliteDataReader r = query.Query(first, second);
        while (r.Read())
            rows.Add(ReadCommit(r));
        return rows;
    }
}

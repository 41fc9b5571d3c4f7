using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// The writing connection: decides and applies changes one after the other inside a transaction that the caller begins
/// and ends. All reads and refusals of a change come before its first write.
/// </summary>
internal sealed class LogWriter : LogConnection
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly Statement _putMeta, _putTemplate, _overwriteTemplate, _findTemplate, _putIdentity, _changeIdentity, _dropIdentity,
        _putCommit, _rewriteCommit, _commitsOf, _oldCommits, _putTombstone, _putOutbox, _clearOutbox;

    public LogWriter(ShardId shard, string file)
        : base(shard, file, write: true)
    {
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

    /// <summary>The head inside the open transaction.</summary>
    public MetaRow State { get; private set; } = null!;

    /// <summary>Whether the open transaction holds a write.</summary>
    public bool HasWritten { get; private set; }

    /// <summary>Whether a change is half applied: what is thrown now must end the whole transaction.</summary>
    public bool IsWriting { get; private set; }

    /// <summary>Begins a transaction and checks that the epoch is still the caller's (null: any).</summary>
    /// <exception cref="EpochFencedException">It is not.</exception>
    public void BeginUnder(long? epoch)
    {
        Begin();
        HasWritten = IsWriting = false;
        State = Meta();
        if (epoch is { } mine && State.Epoch != mine)
            throw new EpochFencedException(Shard, mine);
    }

    public void SaveMeta(MetaRow row)
    {
        HasWritten = true;
        State = row;
        _putMeta.Run(row.Shard.Gallery, row.Shard.Generation, row.Shard.Shard, row.Epoch, row.Lsn, row.Identities, row.Templates,
            row.Tombstones, row.Commits, row.Outbox, row.Pruned, (long)row.Digest, (long)row.Hash(Hasher));
    }

    public CommitResult Apply(IdentityChange change)
    {
        ulong hash = IdentityHash.Of(change.Identity);
        if (FindOperation(change.OperationId, hash) is { } earlier)
            return Replay(earlier, change, hash);
        IdentityRow? was = FindIdentity(change.Identity);
        long version = was?.Version ?? 0;
        if (change.ExpectedVersion is { } expected && expected != version)
            return Refused(CommitStatus.VersionConflict, version);
        if (was is null && (change.Erase || (change.Add.Count == 0 && change.As is null) || change.Remove.Count > 0))
            return Refused(CommitStatus.NotFound, version);
        List<TemplateRow> members = was is null ? [] : Members(was);
        var removed = change.Erase ? members : Pick(members, change.Remove);
        if (removed is null)
            return Refused(CommitStatus.NotFound, version);
        if (change.Add.Any(t => Exists(t.Id)) || change.Add.DistinctBy(t => t.Id).Count() != change.Add.Count)
            return Refused(CommitStatus.TemplateIdTaken, version);
        HasWritten = IsWriting = true;
        CommitResult result = Write(change, hash, was, members, removed);
        IsWriting = false;
        return result;
    }

    /// <summary>Forgets events; returns how many.</summary>
    public int ClearOutbox(long throughLsn)
    {
        int cleared = _clearOutbox.Run(throughLsn);
        SaveMeta(State with { Outbox = State.Outbox - cleared });
        return cleared;
    }

    /// <summary>Forgets the operation ids of a few commits that are older than the retention.</summary>
    public void Prune(DateTimeOffset before, int limit)
    {
        var old = new List<CommitRow>();
        using (SqliteDataReader r = _oldCommits.Query(State.Pruned, limit))
        {
            while (r.Read() && ReadCommit(r) is var row && row.At < before.UtcTicks)
                old.Add(row);
        }
        foreach (CommitRow row in old)
        {
            Rewrite(row with { Operation = null, Fingerprint = 0, Version = 0, Templates = [] });
            State = State with { Pruned = row.Lsn };
        }
    }

    private static CommitResult Refused(CommitStatus status, long version) => new(status, 0, version, [], null);

    private static CommitResult Replay(CommitRow earlier, IdentityChange change, ulong hash)
    {
        if (earlier.Kind == CommitKind.Superseded)
            return Refused(CommitStatus.Superseded, 0);
        if (earlier.Fingerprint != change.Fingerprint || earlier.Identity != hash)
            return Refused(CommitStatus.OperationReused, 0);
        return new(CommitStatus.Replayed, earlier.Lsn, earlier.Version, Packed.Ids(earlier.Templates), null);
    }

    /// <summary>The members with the given ids; null if one is not there.</summary>
    private static List<TemplateRow>? Pick(List<TemplateRow> members, IReadOnlyList<TemplateId> ids)
    {
        var picked = new List<TemplateRow>(ids.Count);
        foreach (TemplateId id in ids.Distinct())
        {
            int at = members.FindIndex(m => m.Id == id.Value);
            if (at < 0)
                return null;
            picked.Add(members[at]);
        }
        return picked;
    }

    private bool Exists(TemplateId id)
    {
        using SqliteDataReader r = _findTemplate.Query(id.Value);
        return r.Read();
    }

    private CommitResult Write(IdentityChange change, ulong hash, IdentityRow? was, List<TemplateRow> members, List<TemplateRow> removed)
    {
        MetaRow before = State;
        long lsn = before.Lsn;
        ulong digest = before.Digest;
        foreach (TemplateRow row in removed)
        {
            PutTombstone(new TombstoneRow(++lsn, row.Id, row.Lsn, row.StoredHash));
            if (_overwriteTemplate.Run(row.Lsn, row.Removed(Hasher).Body) != 1)
                throw Damaged($"template row {row.Lsn} is missing");
            digest -= row.StoredHash;
        }
        long commit = lsn + change.Add.Count + 1, key = was?.Key ?? commit;
        List<TemplateRow> left = [.. members.Except(removed)];
        foreach (TemplateRecord record in change.Add)
        {
            TemplateRow row = TemplateRow.Of(++lsn, key, record, Hasher);
            _putTemplate.Run(row.Lsn, row.Id, row.Identity, row.Body);
            digest += row.StoredHash;
            left.Add(row);
        }
        ulong wasHash = was?.Hash(Hasher) ?? 0;
        digest -= wasHash;
        IdentityRow? now = null;
        if (change.Erase)
        {
            _dropIdentity.Run(key);
            Supersede(hash, key);
        }
        else
        {
            now = PutIdentity(change, was, key, commit, left);
            digest += now.Hash(Hasher);
        }
        TemplateId[] ids = change.Erase ? [.. removed.Select(r => new TemplateId(r.Id))] : [.. change.Add.Select(t => t.Id)];
        long version = change.As?.Version ?? (was?.Version ?? 0) + 1;
        PutCommit(new CommitRow
        {
            Lsn = commit,
            Prior = before.Lsn,
            At = change.At.UtcTicks,
            Identity = hash,
            Owner = key,
            Kind = change.Erase ? CommitKind.Erasure : CommitKind.Change,
            Operation = change.OperationId,
            Fingerprint = change.Fingerprint,
            Version = version,
            Templates = Packed.Of(ids),
            WasLsn = was?.Lsn ?? 0,
            WasHash = wasHash,
            Digest = digest,
        });
        bool tell = change.As is null && (change.Erase || change.Add.Count > 0);
        if (tell)
            PutOutbox(new OutboxRow(commit, change.Erase ? OutboxKind.Erased : OutboxKind.Enrolled, change.Identity, Packed.Of(ids), change.At.UtcTicks));
        State = before with
        {
            Lsn = commit,
            Identities = before.Identities + (change.Erase ? -1 : was is null ? 1 : 0),
            Templates = before.Templates + change.Add.Count - removed.Count,
            Tombstones = before.Tombstones + removed.Count,
            Commits = before.Commits + 1,
            Outbox = before.Outbox + (tell ? 1 : 0),
            Digest = digest,
        };
        return new(CommitStatus.Applied, commit, version, ids, now is null ? null : Describe(now, left));
    }

    private IdentityRow PutIdentity(IdentityChange change, IdentityRow? was, long key, long lsn, List<TemplateRow> members)
    {
        var row = new IdentityRow
        {
            Key = key,
            Id = change.Identity,
            Lsn = lsn,
            Version = change.As?.Version ?? (was?.Version ?? 0) + 1,
            Created = was?.Created ?? change.As?.CreatedAt.UtcTicks ?? change.At.UtcTicks,
            Updated = change.At.UtcTicks,
            Metadata = change.Metadata is { } metadata ? JsonSerializer.Serialize(metadata, Json) : was?.Metadata ?? "{}",
            Members = Packed.Of([.. members.Select(m => m.Lsn)]),
        };
        long hash = (long)row.Hash(Hasher);
        if (was is null)
            _putIdentity.Run(key, row.Id, lsn, row.Version, row.Created, row.Updated, row.Metadata, row.Members, hash);
        else if (_changeIdentity.Run(key, lsn, row.Version, row.Updated, row.Metadata, row.Members, hash) != 1)
            throw Damaged($"identity row {key} is missing");
        return row;
    }

    private void Supersede(ulong identity, long owner)
    {
        var earlier = new List<CommitRow>();
        using (SqliteDataReader r = _commitsOf.Query((long)identity, owner))
        {
            while (r.Read())
                earlier.Add(ReadCommit(r));
        }
        foreach (CommitRow row in earlier)
            Rewrite(row with { Kind = CommitKind.Superseded, Fingerprint = 0, Version = 0, Templates = [] });
    }

    private void Rewrite(CommitRow row) =>
        _rewriteCommit.Run(row.Lsn, (long)row.Kind, row.Operation, (long)row.Fingerprint, row.Version, row.Templates, (long)row.Hash(Hasher));

    private void PutCommit(CommitRow row) => _putCommit.Run(row.Lsn, row.Prior, row.At, (long)row.Identity, row.Owner, (long)row.Kind, row.Operation,
        (long)row.Fingerprint, row.Version, row.Templates, row.WasLsn, (long)row.WasHash, (long)row.Digest, (long)row.Hash(Hasher));

    private void PutTombstone(TombstoneRow row) => _putTombstone.Run(row.Lsn, row.Template, row.Added, (long)row.WasHash, (long)row.Hash(Hasher));

    private void PutOutbox(OutboxRow row) => _putOutbox.Run(row.Lsn, (long)row.Kind, row.Identity, row.Templates, row.At, (long)row.Hash(Hasher));
}

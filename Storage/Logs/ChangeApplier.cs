using System.Text.Encodings.Web;
using System.Text.Json;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Logs;

/// <summary>
/// Decides changes and applies them to a log's rows, one after the other inside a transaction that the caller begins and ends. The same
/// for every store. All reads and refusals of a change come before its first write.
/// </summary>
internal sealed class ChangeApplier(ILogTables tables)
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The head inside the open transaction.</summary>
    public MetaRow State { get; private set; } = null!;

    /// <summary>Whether the open transaction holds a write.</summary>
    public bool HasWritten { get; private set; }

    /// <summary>Whether a change is half applied: what is thrown now must end the whole transaction.</summary>
    public bool IsWriting { get; private set; }

    /// <summary>A transaction begins with this stored head.</summary>
    public void Begin(MetaRow state)
    {
        HasWritten = IsWriting = false;
        State = state;
    }

    /// <summary>The head is changed by something else than a change.</summary>
    public void Set(MetaRow state)
    {
        HasWritten = true;
        State = state;
    }

    public CommitResult Apply(IdentityChange change)
    {
        ulong hash = IdentityHash.Of(change.Identity);
        if (tables.FindOperation(change.OperationId, hash) is { } earlier)
            return Replay(earlier, change, hash);
        IdentityRow? was = tables.FindIdentity(change.Identity);
        long version = was?.Version ?? 0;
        if (change.ExpectedVersion is { } expected && expected != version)
            return Refused(CommitStatus.VersionConflict, version);
        if (was is null && (change.Erase || (change.Add.Count == 0 && change.As is null) || change.Remove.Count > 0))
            return Refused(CommitStatus.NotFound, version);
        List<TemplateRow> members = was is null ? [] : tables.Members(was);
        var removed = change.Erase ? members : Pick(members, change.Remove);
        if (removed is null)
            return Refused(CommitStatus.NotFound, version);
        if (change.Add.Any(t => tables.Exists(t.Id)) || change.Add.DistinctBy(t => t.Id).Count() != change.Add.Count)
            return Refused(CommitStatus.TemplateIdTaken, version);
        HasWritten = IsWriting = true;
        CommitResult result = Write(change, hash, was, members, removed);
        IsWriting = false;
        return result;
    }

    /// <summary>Forgets the operation ids of a few commits that are older than the retention.</summary>
    public void Prune(DateTimeOffset before, int limit)
    {
        foreach (CommitRow row in tables.OldCommits(State.Pruned, limit).TakeWhile(row => row.At < before.UtcTicks))
        {
            tables.RewriteCommit(row with { Operation = null, Fingerprint = 0, Version = 0, Templates = [] });
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

    private CommitResult Write(IdentityChange change, ulong hash, IdentityRow? was, List<TemplateRow> members, List<TemplateRow> removed)
    {
        MetaRow before = State;
        long lsn = before.Lsn;
        ulong digest = before.Digest;
        foreach (TemplateRow row in removed)
        {
            tables.PutTombstone(new TombstoneRow(++lsn, row.Id, row.Lsn, row.StoredHash));
            tables.RemoveTemplate(row);
            digest -= row.StoredHash;
        }
        long commit = lsn + change.Add.Count + 1, key = was?.Key ?? commit;
        List<TemplateRow> left = [.. members.Except(removed)];
        foreach (TemplateRecord record in change.Add)
        {
            TemplateRow row = TemplateRow.Of(++lsn, key, record, tables.Hasher);
            tables.PutTemplate(row);
            digest += row.StoredHash;
            left.Add(row);
        }
        ulong wasHash = was?.Hash(tables.Hasher) ?? 0;
        digest -= wasHash;
        IdentityRow? now = null;
        if (change.Erase)
        {
            tables.DropIdentity(was!);
            Supersede(hash, key);
        }
        else
        {
            now = PutIdentity(change, was, key, commit, left);
            digest += now.Hash(tables.Hasher);
        }
        TemplateId[] ids = change.Erase ? [.. removed.Select(r => new TemplateId(r.Id))] : [.. change.Add.Select(t => t.Id)];
        long version = change.As?.Version ?? (was?.Version ?? 0) + 1;
        tables.PutCommit(new CommitRow
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
            tables.PutOutbox(new OutboxRow(commit, change.Erase ? OutboxKind.Erased : OutboxKind.Enrolled, change.Identity, Packed.Of(ids), change.At.UtcTicks));
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
        return new(CommitStatus.Applied, commit, version, ids, now is null ? null : RowReader.Describe(tables.Shard, now, left));
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
        tables.PutIdentity(row, was is null);
        return row;
    }

    private void Supersede(ulong identity, long owner)
    {
        foreach (CommitRow row in tables.CommitsOf(identity, owner))
            tables.RewriteCommit(row with { Kind = CommitKind.Superseded, Fingerprint = 0, Version = 0, Templates = [] });
    }
}

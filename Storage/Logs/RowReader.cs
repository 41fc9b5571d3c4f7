using System.Data.Common;
using System.Text.Json;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Logs;

/// <summary>Reads a log's rows in the columns named here and compares each with its checksum. Not thread-safe.</summary>
internal sealed class RowReader(ShardId shard, RowHasher hasher)
{
    public const string MetaColumns = "gallery, generation, shard, epoch, lsn, identities, templates, tombstones, commits, outbox, pruned, digest, hash";
    public const string IdentityColumns = "key, id, lsn, version, created, updated, metadata, members, hash";
    public const string TemplateColumns = "lsn, id, identity, body";
    public const string CommitColumns = "lsn, prior, at, identity, owner, kind, operation, fingerprint, version, templates, was_lsn, was_hash, digest, hash";
    public const string TombstoneColumns = "lsn, template, added, was_hash, hash";
    public const string OutboxColumns = "lsn, kind, identity, templates, at, hash";

    public MetaRow Meta(DbDataReader r)
    {
        var row = new MetaRow
        {
            Shard = new(r.GetString(0), checked((int)r.GetInt64(1)), checked((int)r.GetInt64(2))),
            Epoch = r.GetInt64(3),
            Lsn = r.GetInt64(4),
            Identities = r.GetInt64(5),
            Templates = r.GetInt64(6),
            Tombstones = r.GetInt64(7),
            Commits = r.GetInt64(8),
            Outbox = r.GetInt64(9),
            Pruned = r.GetInt64(10),
            Digest = (ulong)r.GetInt64(11),
        };
        Check(row.Hash(hasher), r.GetInt64(12), "its head row");
        return row;
    }

    public IdentityRow Identity(DbDataReader r)
    {
        var row = new IdentityRow
        {
            Key = r.GetInt64(0),
            Id = r.GetString(1),
            Lsn = r.GetInt64(2),
            Version = r.GetInt64(3),
            Created = r.GetInt64(4),
            Updated = r.GetInt64(5),
            Metadata = r.GetString(6),
            Members = r.GetFieldValue<byte[]>(7),
        };
        Check(row.Hash(hasher), r.GetInt64(8), "an identity row");
        return row;
    }

    public TemplateRow Template(DbDataReader r)
    {
        var row = new TemplateRow(r.GetInt64(0), r.GetInt64(1), r.GetInt64(2), r.GetFieldValue<byte[]>(3));
        return row.IsIntact(hasher) ? row : throw Damaged($"template row {row.Lsn} contradicts its checksum");
    }

    public CommitRow Commit(DbDataReader r)
    {
        var row = new CommitRow
        {
            Lsn = r.GetInt64(0),
            Prior = r.GetInt64(1),
            At = r.GetInt64(2),
            Identity = (ulong)r.GetInt64(3),
            Owner = r.GetInt64(4),
            Kind = (CommitKind)r.GetInt64(5),
            Operation = r.IsDBNull(6) ? null : r.GetString(6),
            Fingerprint = (ulong)r.GetInt64(7),
            Version = r.GetInt64(8),
            Templates = r.GetFieldValue<byte[]>(9),
            WasLsn = r.GetInt64(10),
            WasHash = (ulong)r.GetInt64(11),
            Digest = (ulong)r.GetInt64(12),
        };
        Check(row.Hash(hasher), r.GetInt64(13), "a commit row");
        return row;
    }

    public TombstoneRow Tombstone(DbDataReader r)
    {
        var row = new TombstoneRow(r.GetInt64(0), r.GetInt64(1), r.GetInt64(2), (ulong)r.GetInt64(3));
        Check(row.Hash(hasher), r.GetInt64(4), "a tombstone row");
        return row;
    }

    public OutboxRow Outbox(DbDataReader r)
    {
        var row = new OutboxRow(r.GetInt64(0), (OutboxKind)r.GetInt64(1), r.GetString(2), r.GetFieldValue<byte[]>(3), r.GetInt64(4));
        Check(row.Hash(hasher), r.GetInt64(5), "an outbox row");
        return row;
    }

    /// <summary>An identity as callers see it.</summary>
    public static StoredIdentity Describe(ShardId shard, IdentityRow row, IEnumerable<TemplateRow> members) => new(
        row.Id,
        Metadata(shard, row),
        row.Version,
        new(row.Created, TimeSpan.Zero),
        new(row.Updated, TimeSpan.Zero),
        [.. members.Select(m => m.Stored)]);

    public static Dictionary<string, string> Metadata(ShardId shard, IdentityRow row) =>
        JsonSerializer.Deserialize<Dictionary<string, string>>(row.Metadata) ?? throw new LogDamagedException(shard, "metadata is null");

    private LogDamagedException Damaged(string what) => new(shard, what);

    private void Check(ulong computed, long stored, string what)
    {
        if (computed != (ulong)stored)
            throw Damaged($"{what} contradicts its checksum");
    }
}

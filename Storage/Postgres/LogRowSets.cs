using FaceSearch.Storage.Sqlite;
using static NpgsqlTypes.NpgsqlDbType;

namespace FaceSearch.Storage.Postgres;

/// <summary>A log's rows as columns.</summary>
internal sealed class LogRowSets(RowHasher hasher)
{
    public Bulk<TemplateRow> Templates { get; } = new(
        new BulkColumn<TemplateRow, long>("lsn", Bigint, r => r.Lsn),
        new BulkColumn<TemplateRow, long>("id", Bigint, r => r.Id),
        new BulkColumn<TemplateRow, long>("identity", Bigint, r => r.Identity),
        new BulkColumn<TemplateRow, byte[]>("body", Bytea, r => r.Body));

    public Bulk<IdentityRow> Identities { get; } = new(
        new BulkColumn<IdentityRow, long>("key", Bigint, r => r.Key),
        new BulkColumn<IdentityRow, string>("id", Text, r => r.Id),
        new BulkColumn<IdentityRow, long>("lsn", Bigint, r => r.Lsn),
        new BulkColumn<IdentityRow, long>("version", Bigint, r => r.Version),
        new BulkColumn<IdentityRow, long>("created", Bigint, r => r.Created),
        new BulkColumn<IdentityRow, long>("updated", Bigint, r => r.Updated),
        new BulkColumn<IdentityRow, string>("metadata", Text, r => r.Metadata),
        new BulkColumn<IdentityRow, byte[]>("members", Bytea, r => r.Members),
        new BulkColumn<IdentityRow, long>("hash", Bigint, r => (long)r.Hash(hasher)));

    public Bulk<CommitRow> Commits { get; } = new(
        new BulkColumn<CommitRow, long>("lsn", Bigint, r => r.Lsn),
        new BulkColumn<CommitRow, long>("prior", Bigint, r => r.Prior),
        new BulkColumn<CommitRow, long>("at", Bigint, r => r.At),
        new BulkColumn<CommitRow, long>("identity", Bigint, r => (long)r.Identity),
        new BulkColumn<CommitRow, long>("owner", Bigint, r => r.Owner),
        new BulkColumn<CommitRow, long>("kind", Bigint, r => (long)r.Kind),
        new BulkColumn<CommitRow, string?>("operation", Text, r => r.Operation),
        new BulkColumn<CommitRow, long>("fingerprint", Bigint, r => (long)r.Fingerprint),
        new BulkColumn<CommitRow, long>("version", Bigint, r => r.Version),
        new BulkColumn<CommitRow, byte[]>("templates", Bytea, r => r.Templates),
        new BulkColumn<CommitRow, long>("was_lsn", Bigint, r => r.WasLsn),
        new BulkColumn<CommitRow, long>("was_hash", Bigint, r => (long)r.WasHash),
        new BulkColumn<CommitRow, long>("digest", Bigint, r => (long)r.Digest),
        new BulkColumn<CommitRow, long>("hash", Bigint, r => (long)r.Hash(hasher)));

    public Bulk<TombstoneRow> Tombstones { get; } = new(
        new BulkColumn<TombstoneRow, long>("lsn", Bigint, r => r.Lsn),
        new BulkColumn<TombstoneRow, long>("template", Bigint, r => r.Template),
        new BulkColumn<TombstoneRow, long>("added", Bigint, r => r.Added),
        new BulkColumn<TombstoneRow, long>("was_hash", Bigint, r => (long)r.WasHash),
        new BulkColumn<TombstoneRow, long>("hash", Bigint, r => (long)r.Hash(hasher)));

    public Bulk<OutboxRow> Outbox { get; } = new(
        new BulkColumn<OutboxRow, long>("lsn", Bigint, r => r.Lsn),
        new BulkColumn<OutboxRow, long>("kind", Bigint, r => (long)r.Kind),
        new BulkColumn<OutboxRow, string>("identity", Text, r => r.Identity),
        new BulkColumn<OutboxRow, byte[]>("templates", Bytea, r => r.Templates),
        new BulkColumn<OutboxRow, long>("at", Bigint, r => r.At),
        new BulkColumn<OutboxRow, long>("hash", Bigint, r => (long)r.Hash(hasher)));
}

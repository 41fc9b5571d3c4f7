using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace FaceSearch.Storage.Sqlite;

/// <summary>The single row of <c>meta</c>: whose log this is, who may write, and the fingerprint of the whole.</summary>
internal sealed record MetaRow
{
    public required ShardId Shard { get; init; }

    public long Epoch { get; init; }

    public long Lsn { get; init; }

    public long Identities { get; init; }

    public long Templates { get; init; }

    public long Tombstones { get; init; }

    public long Commits { get; init; }

    public long Outbox { get; init; }

    /// <summary>Commits up to this LSN have forgotten their operation ids (retention).</summary>
    public long Pruned { get; init; }

    public ulong Digest { get; init; }

    public LogHead Head => new(Lsn, Identities, Templates, Digest);

    public ulong Hash(RowHasher h) => h.Start((byte)'M').Add(Shard.Gallery).Add(Shard.Generation).Add(Shard.Shard).Add(Epoch).Add(Lsn)
        .Add(Identities).Add(Templates).Add(Tombstones).Add(Commits).Add(Outbox).Add(Pruned).Add((long)Digest).End();
}

/// <summary>A row of <c>identities</c>. Its key is the LSN of its creation, so no key is ever used twice.</summary>
internal sealed record IdentityRow
{
    public required long Key { get; init; }

    public required string Id { get; init; }

    public required long Lsn { get; init; }

    public required long Version { get; init; }

    public required long Created { get; init; }

    public required long Updated { get; init; }

    /// <summary>JSON object of strings.</summary>
    public required string Metadata { get; init; }

    /// <summary>LSNs of the live templates, oldest first, 8 little-endian bytes each.</summary>
    public required byte[] Members { get; init; }

    public ReadOnlySpan<long> MemberLsns => MemoryMarshal.Cast<byte, long>(Members);

    public ulong Hash(RowHasher h) => h.Start((byte)'I').Add(Key).Add(Id).Add(Lsn).Add(Version).Add(Created).Add(Updated)
        .Add(Metadata).Add(Members).End();
}

/// <summary>
/// A row of <c>templates</c>. Its body has a fixed length and a removed template is overwritten in place with zeros:
/// rows then never move between pages, and no stale copy of an embedding is left in a page's unallocated space (which
/// <c>secure_delete</c> does not clear when SQLite rebalances a tree).
/// <code>
/// body: state u8 | created i64 | quality 5 x f32 (NaN: unknown) | embedding 512 bytes | hash u64
/// </code>
/// </summary>
internal readonly record struct TemplateRow(long Lsn, long Id, long Identity, byte[] Body)
{
    public const int BodyLength = 1 + 8 + 20 + Embedding.ByteLength + 8;
    private const int QualityAt = 9, EmbeddingAt = 29, HashAt = BodyLength - 8;
    private const byte Live = 1, Dead = 0;

    public static TemplateRow Of(long lsn, long identity, TemplateRecord record, RowHasher hasher)
    {
        byte[] body = new byte[BodyLength];
        body[0] = Live;
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(1), record.CreatedAt.UtcTicks);
        TemplateQuality q = record.Quality;
        ReadOnlySpan<float?> parts = [q.Overall, q.Sharpness, q.FaceSize, q.Yaw, q.DetectorScore];
        for (int i = 0; i < parts.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(body.AsSpan(QualityAt + (4 * i)), parts[i] ?? float.NaN);
        record.Embedding.Bytes.CopyTo(body.AsSpan(EmbeddingAt));
        return new TemplateRow(lsn, record.Id.Value, identity, body).Sealed(hasher);
    }

    /// <summary>The row that takes this one's place when the template is removed.</summary>
    public TemplateRow Removed(RowHasher hasher) => (this with { Body = new byte[BodyLength] }).Sealed(hasher);

    public bool IsLive => Body[0] == Live;

    public ulong StoredHash => BinaryPrimitives.ReadUInt64LittleEndian(Body.AsSpan(HashAt));

    public bool IsIntact(RowHasher hasher) => Body.Length == BodyLength && Body[0] is Live or Dead && StoredHash == Hash(hasher);

    public StoredTemplate Stored => new(new(Id), Quality, Created);

    public TemplateRecord Record => new(new(Id), Embedding.FromBytes(Body.AsSpan(EmbeddingAt, Embedding.ByteLength)), Quality, Created);

    private DateTimeOffset Created => new(BinaryPrimitives.ReadInt64LittleEndian(Body.AsSpan(1)), TimeSpan.Zero);

    private TemplateQuality Quality => new(Part(0), Part(1), Part(2), Part(3), Part(4));

    private float? Part(int i)
    {
        float value = BinaryPrimitives.ReadSingleLittleEndian(Body.AsSpan(QualityAt + (4 * i)));
        return float.IsNaN(value) ? null : value;
    }

    private ulong Hash(RowHasher h) => h.Start((byte)'T').Add(Lsn).Add(Id).Add(Identity).Add(Body.AsSpan(0, HashAt)).End();

    private TemplateRow Sealed(RowHasher hasher)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(Body.AsSpan(HashAt), Hash(hasher));
        return this;
    }
}

/// <summary>What a row of <c>commits</c> stands for.</summary>
internal enum CommitKind
{
    Change,

    /// <summary>The identity was erased.</summary>
    Erasure,

    /// <summary>A change whose identity has been erased since: nothing is left of it but the operation's id.</summary>
    Superseded,
}

/// <summary>
/// A row of <c>commits</c>: the operation (for idempotency), the previous commit (a chain without gaps), the identity's row
/// as it was before (its LSN and hash), and the digest after.
/// </summary>
internal sealed record CommitRow
{
    public required long Lsn { get; init; }

    /// <summary>LSN of the commit before; 0 for the first.</summary>
    public required long Prior { get; init; }

    public required long At { get; init; }

    /// <summary><see cref="IdentityHash"/> of the identity.</summary>
    public required ulong Identity { get; init; }

    /// <summary>Key of the identity's row.</summary>
    public required long Owner { get; init; }

    public required CommitKind Kind { get; init; }

    public required string? Operation { get; init; }

    public required ulong Fingerprint { get; init; }

    public required long Version { get; init; }

    /// <summary>Ids added, or removed by an erasure; 8 little-endian bytes each.</summary>
    public required byte[] Templates { get; init; }

    /// <summary>LSN of the identity's row before this commit; 0 if it is new.</summary>
    public required long WasLsn { get; init; }

    public required ulong WasHash { get; init; }

    public required ulong Digest { get; init; }

    public ulong Hash(RowHasher h) => h.Start((byte)'C').Add(Lsn).Add(Prior).Add(At).Add((long)Identity).Add(Owner).Add((long)Kind)
        .Add(Operation).Add((long)Fingerprint).Add(Version).Add(Templates).Add(WasLsn).Add((long)WasHash).Add((long)Digest).End();
}

/// <summary>A row of <c>tombstones</c>: a template that is gone, when it had been added, and the hash its row had.</summary>
internal readonly record struct TombstoneRow(long Lsn, long Template, long Added, ulong WasHash)
{
    public ulong Hash(RowHasher h) => h.Start((byte)'D').Add(Lsn).Add(Template).Add(Added).Add((long)WasHash).End();
}

/// <summary>A row of <c>outbox</c>.</summary>
internal sealed record OutboxRow(long Lsn, OutboxKind Kind, string Identity, byte[] Templates, long At)
{
    public ulong Hash(RowHasher h) => h.Start((byte)'O').Add(Lsn).Add((long)Kind).Add(Identity).Add(Templates).Add(At).End();

    public OutboxEvent Event => new(Lsn, Kind, Identity, Packed.Ids(Templates), new(At, TimeSpan.Zero));
}

/// <summary>Lists of 64-bit numbers as blobs.</summary>
internal static class Packed
{
    public static byte[] Of(IEnumerable<TemplateId> ids) => Of([.. ids.Select(i => i.Value)]);

    public static byte[] Of(ReadOnlySpan<long> values) => MemoryMarshal.AsBytes(values).ToArray();

    public static TemplateId[] Ids(ReadOnlySpan<byte> blob)
    {
        ReadOnlySpan<long> values = MemoryMarshal.Cast<byte, long>(blob);
        var ids = new TemplateId[values.Length];
        for (int i = 0; i < ids.Length; i++)
            ids[i] = new(values[i]);
        return ids;
    }
}

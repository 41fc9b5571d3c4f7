using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Backup;

/// <summary>
/// Rows of a log as bytes, little-endian: <code>table u8 | rows i32 | rows</code>, and <code>0xFF</code> at the end. Text is a length (7 bits
/// a byte) and UTF-8; a blob its length (i32) and its bytes. Hashes of rows are computed, not stored, except a template's, which is in its body.
/// </summary>
internal static class LogChunkCodec
{
    private const byte Head = 0, Identities = 1, Tombstones = 2, Templates = 3, Outbox = 4, Commits = 5, End = 0xFF;

    public static void Write(BinaryWriter w, LogChunk chunk)
    {
        switch (chunk)
        {
            case LogChunk.Head c:
                Rows(w, Head, [c.Row], WriteHead);
                break;
            case LogChunk.Identities c:
                Rows(w, Identities, c.Rows, WriteIdentity);
                break;
            case LogChunk.Tombstones c:
                Rows(w, Tombstones, c.Rows, (w, r) => Longs(w, r.Lsn, r.Template, r.Added, (long)r.WasHash));
                break;
            case LogChunk.Templates c:
                Rows(w, Templates, c.Rows, (w, r) =>
                {
                    Longs(w, r.Lsn, r.Id, r.Identity);
                    w.Write(r.Body);
                });
                break;
            case LogChunk.Outbox c:
                Rows(w, Outbox, c.Rows, (w, r) =>
                {
                    Longs(w, r.Lsn, (long)r.Kind, r.At);
                    w.Write(r.Identity);
                    Blob(w, r.Templates);
                });
                break;
            case LogChunk.Commits c:
                Rows(w, Commits, c.Rows, WriteCommit);
                break;
        }
    }

    public static void WriteEnd(BinaryWriter w) => w.Write(End);

    /// <summary>The next chunk; null at the end.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public static LogChunk? Read(BinaryReader r)
    {
        byte table = r.ReadByte();
        if (table == End)
            return null;
        int rows = r.ReadInt32();
        if (rows is < 1 or > LogChunk.MaxRows)
            throw new InvalidDataException("a chunk has an impossible number of rows");
        return table switch
        {
            Head when rows == 1 => new LogChunk.Head(ReadHead(r)),
            Identities => new LogChunk.Identities(List(rows, () => ReadIdentity(r))),
            Tombstones => new LogChunk.Tombstones(List(rows, () => new TombstoneRow(r.ReadInt64(), r.ReadInt64(), r.ReadInt64(), r.ReadUInt64()))),
            Templates => new LogChunk.Templates(List(rows, () => ReadTemplate(r))),
            Outbox => new LogChunk.Outbox(List(rows, () => ReadEvent(r))),
            Commits => new LogChunk.Commits(List(rows, () => ReadCommit(r))),
            _ => throw new InvalidDataException("a chunk is of no known table"),
        };
    }

    private static void WriteHead(BinaryWriter w, MetaRow r)
    {
        w.Write(r.Shard.Gallery);
        Longs(w, r.Shard.Generation, r.Shard.Shard, r.Epoch, r.Lsn, r.Identities, r.Templates, r.Tombstones, r.Commits, r.Outbox, r.Pruned, (long)r.Digest);
    }

    private static MetaRow ReadHead(BinaryReader r) => new()
    {
        Shard = new(r.ReadString(), checked((int)r.ReadInt64()), checked((int)r.ReadInt64())),
        Epoch = r.ReadInt64(),
        Lsn = r.ReadInt64(),
        Identities = r.ReadInt64(),
        Templates = r.ReadInt64(),
        Tombstones = r.ReadInt64(),
        Commits = r.ReadInt64(),
        Outbox = r.ReadInt64(),
        Pruned = r.ReadInt64(),
        Digest = r.ReadUInt64(),
    };

    private static void WriteIdentity(BinaryWriter w, IdentityRow r)
    {
        Longs(w, r.Key, r.Lsn, r.Version, r.Created, r.Updated);
        w.Write(r.Id);
        w.Write(r.Metadata);
        Blob(w, r.Members);
    }

    private static IdentityRow ReadIdentity(BinaryReader r) => new()
    {
        Key = r.ReadInt64(),
        Lsn = r.ReadInt64(),
        Version = r.ReadInt64(),
        Created = r.ReadInt64(),
        Updated = r.ReadInt64(),
        Id = r.ReadString(),
        Metadata = r.ReadString(),
        Members = Blob(r),
    };

    private static TemplateRow ReadTemplate(BinaryReader r)
    {
        TemplateRow row = new(r.ReadInt64(), r.ReadInt64(), r.ReadInt64(), Exactly(r, TemplateRow.BodyLength));
        return row.IsLive && row.IsIntact(new RowHasher()) ? row : throw new InvalidDataException("a template contradicts its checksum");
    }

    private static OutboxRow ReadEvent(BinaryReader r)
    {
        (long lsn, long kind, long at) = (r.ReadInt64(), r.ReadInt64(), r.ReadInt64());
        return new OutboxRow(lsn, (OutboxKind)kind, r.ReadString(), Blob(r), at);
    }

    private static void WriteCommit(BinaryWriter w, CommitRow r)
    {
        Longs(w, r.Lsn, r.Prior, r.At, (long)r.Identity, r.Owner, (long)r.Kind, (long)r.Fingerprint, r.Version, r.WasLsn, (long)r.WasHash, (long)r.Digest);
        w.Write(r.Operation is not null);
        w.Write(r.Operation ?? "");
        Blob(w, r.Templates);
    }

    private static CommitRow ReadCommit(BinaryReader r)
    {
        CommitRow row = new()
        {
            Lsn = r.ReadInt64(),
            Prior = r.ReadInt64(),
            At = r.ReadInt64(),
            Identity = r.ReadUInt64(),
            Owner = r.ReadInt64(),
            Kind = (CommitKind)r.ReadInt64(),
            Fingerprint = r.ReadUInt64(),
            Version = r.ReadInt64(),
            WasLsn = r.ReadInt64(),
            WasHash = r.ReadUInt64(),
            Digest = r.ReadUInt64(),
            Operation = null,
            Templates = [],
        };
        bool named = r.ReadBoolean();
        string operation = r.ReadString();
        return row with { Operation = named ? operation : null, Templates = Blob(r) };
    }

    private static void Rows<T>(BinaryWriter w, byte table, IReadOnlyList<T> rows, Action<BinaryWriter, T> write)
    {
        w.Write(table);
        w.Write(rows.Count);
        foreach (T row in rows)
            write(w, row);
    }

    private static List<T> List<T>(int count, Func<T> read)
    {
        List<T> rows = new(count);
        for (int i = 0; i < count; i++)
            rows.Add(read());
        return rows;
    }

    private static void Longs(BinaryWriter w, params ReadOnlySpan<long> values)
    {
        foreach (long value in values)
            w.Write(value);
    }

    private static void Blob(BinaryWriter w, byte[] bytes)
    {
        w.Write(bytes.Length);
        w.Write(bytes);
    }

    private static byte[] Blob(BinaryReader r) => r.ReadInt32() is >= 0 and <= 1 << 28 and var length ? Exactly(r, length) : throw new InvalidDataException("a blob has an impossible length");

    private static byte[] Exactly(BinaryReader r, int length) => r.ReadBytes(length) is var bytes && bytes.Length == length ? bytes : throw new EndOfStreamException();
}

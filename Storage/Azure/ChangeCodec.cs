using System.Text;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// A change as bytes. A log applies what <see cref="Decode"/> makes of the bytes it appends, never the caller's object: applying
/// the same bytes again at the next opening then gives the same rows, to the bit.
/// </summary>
internal static class ChangeCodec
{
    [Flags]
    private enum Has : byte
    {
        Expected = 1,
        Metadata = 2,
        Erase = 4,
        As = 8,
    }

    public static byte[] Encode(IdentityChange change)
    {
        using MemoryStream stream = new();
        using BinaryWriter w = new(stream, Encoding.UTF8);
        w.Write((byte)((change.ExpectedVersion is null ? 0 : Has.Expected) | (change.Metadata is null ? 0 : Has.Metadata)
            | (change.Erase ? Has.Erase : 0) | (change.As is null ? 0 : Has.As)));
        w.Write(change.OperationId);
        w.Write(change.Identity);
        w.Write(change.Fingerprint);
        w.Write(change.At.UtcTicks);
        if (change.ExpectedVersion is { } expected)
            w.Write(expected);
        if (change.As is { } stamp)
        {
            w.Write(stamp.Version);
            w.Write(stamp.CreatedAt.UtcTicks);
        }
        if (change.Metadata is { } metadata)
        {
            w.Write7BitEncodedInt(metadata.Count);
            foreach ((string key, string value) in metadata)
            {
                w.Write(key);
                w.Write(value);
            }
        }
        w.Write7BitEncodedInt(change.Remove.Count);
        foreach (TemplateId id in change.Remove)
            w.Write(id.Value);
        w.Write7BitEncodedInt(change.Add.Count);
        foreach (TemplateRecord template in change.Add)
            Write(w, template);
        w.Flush();
        return stream.ToArray();
    }

    public static IdentityChange Decode(BinaryReader r)
    {
        Has has = (Has)r.ReadByte();
        string operation = r.ReadString(), identity = r.ReadString();
        ulong fingerprint = r.ReadUInt64();
        DateTimeOffset at = new(r.ReadInt64(), TimeSpan.Zero);
        long? expected = has.HasFlag(Has.Expected) ? r.ReadInt64() : null;
        IdentityStamp? stamp = has.HasFlag(Has.As) ? new(r.ReadInt64(), new(r.ReadInt64(), TimeSpan.Zero)) : null;
        Dictionary<string, string>? metadata = null;
        if (has.HasFlag(Has.Metadata))
        {
            metadata = [];
            for (int left = r.Read7BitEncodedInt(); left > 0; left--)
                metadata[r.ReadString()] = r.ReadString();
        }
        TemplateId[] remove = new TemplateId[r.Read7BitEncodedInt()];
        for (int i = 0; i < remove.Length; i++)
            remove[i] = new(r.ReadInt64());
        TemplateRecord[] add = new TemplateRecord[r.Read7BitEncodedInt()];
        for (int i = 0; i < add.Length; i++)
            add[i] = ReadTemplate(r);
        return new IdentityChange
        {
            OperationId = operation,
            Identity = identity,
            ExpectedVersion = expected,
            Metadata = metadata,
            Add = add,
            Remove = remove,
            Erase = has.HasFlag(Has.Erase),
            Fingerprint = fingerprint,
            At = at,
            As = stamp,
        };
    }

    public static IdentityChange Decode(byte[] bytes)
    {
        using BinaryReader r = new(new MemoryStream(bytes), Encoding.UTF8);
        return Decode(r);
    }

    private static void Write(BinaryWriter w, TemplateRecord template)
    {
        w.Write(template.Id.Value);
        w.Write(template.CreatedAt.UtcTicks);
        TemplateQuality q = template.Quality;
        foreach (float? part in (ReadOnlySpan<float?>)[q.Overall, q.Sharpness, q.FaceSize, q.Yaw, q.DetectorScore])
            w.Write(part ?? float.NaN);
        w.Write(template.Embedding.Bytes);
    }

    private static TemplateRecord ReadTemplate(BinaryReader r)
    {
        TemplateId id = new(r.ReadInt64());
        DateTimeOffset created = new(r.ReadInt64(), TimeSpan.Zero);
        TemplateQuality quality = new(Part(r), Part(r), Part(r), Part(r), Part(r));
        return new(id, Embedding.FromBytes(r.ReadBytes(Embedding.ByteLength)), quality, created);
    }

    private static float? Part(BinaryReader r) => r.ReadSingle() is var value && float.IsNaN(value) ? null : value;
}

/// <summary>What one frame of changes holds: the changes that were applied, in order, and the state after them.</summary>
/// <param name="Lsn">LSN after the group.</param>
/// <param name="Digest">Digest after the group: applying the changes again must lead to it.</param>
/// <param name="PruneBefore">Operation ids of commits before this time were forgotten with the group.</param>
/// <param name="PruneLimit">At most so many.</param>
/// <param name="Changes">Encoded changes, one after the other.</param>
internal sealed record ChangeGroup(long Lsn, ulong Digest, DateTimeOffset PruneBefore, int PruneLimit, IReadOnlyList<byte[]> Changes)
{
    public byte[] Encode()
    {
        using MemoryStream stream = new(48 + Changes.Sum(c => c.Length + 4));
        using BinaryWriter w = new(stream, Encoding.UTF8);
        w.Write(Lsn);
        w.Write(Digest);
        w.Write(PruneBefore.UtcTicks);
        w.Write(PruneLimit);
        w.Write(Changes.Count);
        foreach (byte[] change in Changes)
        {
            w.Write(change.Length);
            w.Write(change);
        }
        w.Flush();
        return stream.ToArray();
    }

    public static ChangeGroup Decode(byte[] payload)
    {
        using BinaryReader r = new(new MemoryStream(payload), Encoding.UTF8);
        (long lsn, ulong digest, long before, int limit) = (r.ReadInt64(), r.ReadUInt64(), r.ReadInt64(), r.ReadInt32());
        byte[][] changes = new byte[r.ReadInt32()][];
        for (int i = 0; i < changes.Length; i++)
            changes[i] = r.ReadBytes(r.ReadInt32());
        return new(lsn, digest, new(before, TimeSpan.Zero), limit, changes);
    }
}

using System.Buffers.Text;
using System.IO.Hashing;
using System.Text;

namespace FaceSearch;

/// <summary>What an identification may be answered from (docs/replicas.md).</summary>
public enum ReadConsistency
{
    /// <summary>It sees every change that was acknowledged, to anybody, before it began.</summary>
    Latest,

    /// <summary>It may be answered from read replicas that are a few seconds behind; it still sees the changes that its tokens name.</summary>
    Bounded,
}

/// <summary>
/// Where a change is: shard (with its generation) and LSN. What is given out with the answer to a write and comes back with a read that
/// must see it.
/// </summary>
/// <param name="Shard">The shard that took the change.</param>
/// <param name="Lsn">Its position in the shard's log.</param>
[GenerateSerializer, Immutable, Alias("fs.ConsistencyToken")]
public readonly record struct ConsistencyToken([property: Id(0)] ShardId Shard, [property: Id(1)] long Lsn)
{
    /// <summary>Most tokens of one read.</summary>
    public const int MostInOne = 64;

    private const byte Format = 1;
    private const int HashLength = 4;

    /// <summary>Opaque text of letters, digits, '-' and '_'. Names neither the gallery nor a person.</summary>
    public override string ToString()
    {
        using MemoryStream bytes = new();
        using BinaryWriter writer = new(bytes);
        writer.Write(Format);
        writer.Write7BitEncodedInt(Shard.Generation);
        writer.Write7BitEncodedInt(Shard.Shard);
        writer.Write7BitEncodedInt64(Lsn);
        writer.Write(Seal(Shard.Gallery, bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
        return Base64Url.EncodeToString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    /// <summary>Reads tokens of one gallery, with commas between them.</summary>
    /// <returns>False if one of them is not a token of this gallery, or if there are more than <see cref="MostInOne"/>.</returns>
    public static bool TryParse(string text, string gallery, out ConsistencyToken[] tokens)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        tokens = new ConsistencyToken[parts.Length];
        if (parts.Length > MostInOne)
            return false;
        for (int i = 0; i < parts.Length; i++)
        {
            if (Parse(parts[i], gallery) is not { } token)
                return false;
            tokens[i] = token;
        }
        return true;
    }

    private static ConsistencyToken? Parse(string text, string gallery)
    {
        if (text.Length > 64 || !Base64Url.IsValid(text))
            return null;
        byte[] bytes = Base64Url.DecodeFromChars(text);
        if (bytes.Length <= HashLength || bytes[0] != Format
            || BitConverter.ToUInt32(bytes, bytes.Length - HashLength) != Seal(gallery, bytes.AsSpan(0, bytes.Length - HashLength)))
        {
            return null;
        }
        using BinaryReader reader = new(new MemoryStream(bytes, 1, bytes.Length - 1 - HashLength));
        try
        {
            ConsistencyToken token = new(new ShardId(gallery, reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt()), reader.Read7BitEncodedInt64());
            return token is { Shard: { Generation: > 0, Shard: >= 0 }, Lsn: >= 0 } ? token : null;
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Finds slips of the pen and tokens of other galleries; no secret.</summary>
    private static uint Seal(string gallery, ReadOnlySpan<byte> content)
    {
        XxHash32 hash = new();
        hash.Append(Encoding.UTF8.GetBytes(gallery));
        hash.Append(content);
        return hash.GetCurrentHashAsUInt32();
    }
}

using System.Text;

namespace FaceSearch.Grains.Shards;

/// <summary>
/// The directory part of a shard's snapshot. Little-endian, strings as 7-bit-encoded length + UTF-8:
/// <code>
/// magic "FSDR" | u32 format = 1 | i64 identities
/// per identity: string id | i64 version | 7-bit n | n x (string key, string value) | 7-bit t | t x i64 template id
/// magic "RDSF"
/// </code>
/// The snapshot store checksums the whole file; the closing magic only guards against a caller that wrote too little.
/// </summary>
internal static class DirectoryFile
{
    public const string Name = "directory.bin";
    private const uint Magic = 0x52445346, Closing = 0x46534452, Format = 1;

    public static void Save(ShardDirectory directory, string path)
    {
        using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20);
        using BinaryWriter writer = new(file, Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(Format);
        writer.Write(0L);
        long count = 0;
        foreach (IdentityEntry entry in directory.Entries)
        {
            Write(writer, entry.Id, entry.State);
            count++;
        }
        writer.Write(Closing);
        writer.Flush();
        file.Position = 8;
        writer.Write(count);
        writer.Flush();
        file.Flush(flushToDisk: true);
    }

    /// <exception cref="InvalidDataException">Not such a file, or of another format.</exception>
    public static ShardDirectory Load(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        using BinaryReader reader = new(file, Encoding.UTF8);
        if (reader.ReadUInt32() != Magic || reader.ReadUInt32() != Format)
            throw new InvalidDataException("not a shard directory of format 1");
        ShardDirectory directory = new();
        for (long left = reader.ReadInt64(); left > 0; left--)
            Read(reader, directory);
        if (reader.ReadUInt32() != Closing)
            throw new InvalidDataException("the shard directory ends too early");
        return directory;
    }

    private static void Write(BinaryWriter writer, string id, IdentityState state)
    {
        writer.Write(id);
        writer.Write(state.Version);
        writer.Write7BitEncodedInt(state.Metadata.Count);
        foreach ((string key, string value) in state.Metadata)
        {
            writer.Write(key);
            writer.Write(value);
        }
        writer.Write7BitEncodedInt(state.Templates.Length);
        foreach (long template in state.Templates)
            writer.Write(template);
    }

    private static void Read(BinaryReader reader, ShardDirectory directory)
    {
        string id = reader.ReadString();
        long version = reader.ReadInt64();
        int pairs = reader.Read7BitEncodedInt();
        IReadOnlyDictionary<string, string> metadata = NoMetadata.Instance;
        if (pairs > 0)
        {
            Dictionary<string, string> read = new(pairs);
            for (int i = 0; i < pairs; i++)
                read.Add(reader.ReadString(), reader.ReadString());
            metadata = read;
        }
        long[] templates = new long[reader.Read7BitEncodedInt()];
        for (int i = 0; i < templates.Length; i++)
            templates[i] = reader.ReadInt64();
        directory.Set(id, new IdentityState(version, metadata, templates));
    }
}

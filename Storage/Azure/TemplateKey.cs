using System.Buffers.Binary;
using FaceSearch.Storage.Crops;

namespace FaceSearch.Storage.Azure;

/// <summary>Blob of a template's key: <code>live u8 | template i64 | person 32 | wrapped 60 (live only)</code></summary>
internal sealed record TemplateKey(long Template, byte[] Person, byte[] Wrapped)
{
    /// <summary>Bytes of a person's name.</summary>
    public const int NameLength = 32;

    private const int Head = 9 + NameLength;

    public byte[] Encode()
    {
        byte[] bytes = [1, .. new byte[8], .. Person, .. Wrapped];
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1), Template);
        return bytes;
    }

    public static byte[] Ended(long template, byte[] person)
    {
        byte[] bytes = [0, .. new byte[8], .. person];
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1), template);
        return bytes;
    }

    /// <summary>Null if the key was destroyed.</summary>
    public static TemplateKey? Decode(byte[] bytes) => bytes switch
    {
        [0, ..] when bytes.Length == Head => null,
        [1, ..] when bytes.Length == Head + CropCipher.WrappedLength => new(BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(1)), bytes[9..Head], bytes[Head..]),
        _ => throw new CropStoreDamagedException("a template's key blob"),
    };

    public static long TemplateOf(byte[] bytes) => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(1));

    public static byte[] PersonOf(byte[] bytes) => bytes[9..Head];
}

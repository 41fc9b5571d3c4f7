using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace FaceSearch.Storage.Crops;

/// <summary>
/// AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces. A sealed value is <code>nonce 12 | tag 16 | ciphertext</code>
/// and is bound to what it belongs to, so that values cannot be exchanged.
/// </summary>
internal static class CropCipher
{
    public const int KeyLength = 32, NonceLength = 12, TagLength = 16, WrappedLength = NonceLength + TagLength + KeyLength;

    public static byte[] NewKey() => RandomNumberGenerator.GetBytes(KeyLength);

    public static byte[] Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> plain, ReadOnlySpan<byte> belongsTo)
    {
        byte[] sealedValue = new byte[NonceLength + TagLength + plain.Length];
        Span<byte> nonce = sealedValue.AsSpan(0, NonceLength), tag = sealedValue.AsSpan(NonceLength, TagLength);
        RandomNumberGenerator.Fill(nonce);
        using AesGcm aes = new(key, TagLength);
        aes.Encrypt(nonce, plain, sealedValue.AsSpan(NonceLength + TagLength), tag, belongsTo);
        return sealedValue;
    }

    /// <summary>Null if the value was changed, or belongs to something else, or the key is another.</summary>
    public static byte[]? TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> sealedValue, ReadOnlySpan<byte> belongsTo)
    {
        if (sealedValue.Length < NonceLength + TagLength)
            return null;
        byte[] plain = new byte[sealedValue.Length - NonceLength - TagLength];
        using AesGcm aes = new(key, TagLength);
        try
        {
            aes.Decrypt(sealedValue[..NonceLength], sealedValue[(NonceLength + TagLength)..], sealedValue.Slice(NonceLength, TagLength), plain, belongsTo);
            return plain;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    /// <summary>A name for an identity that says nothing without the master key.</summary>
    public static byte[] NameOf(ReadOnlySpan<byte> master, string gallery, string identity) =>
        HMACSHA256.HashData(master, Encoding.UTF8.GetBytes($"{gallery}\n{identity}"));

    /// <summary>What a template's key is bound to.</summary>
    public static byte[] OfTemplate(string gallery, long template) => Bound(gallery, template, byte.MaxValue);

    /// <summary>What an image is bound to.</summary>
    public static byte[] OfImage(string gallery, long template, ImageKind kind) => Bound(gallery, template, (byte)kind);

    private static byte[] Bound(string gallery, long template, byte kind)
    {
        byte[] name = Encoding.UTF8.GetBytes(gallery);
        byte[] bound = new byte[9 + name.Length];
        bound[0] = kind;
        BinaryPrimitives.WriteInt64LittleEndian(bound.AsSpan(1), template);
        name.CopyTo(bound, 9);
        return bound;
    }
}

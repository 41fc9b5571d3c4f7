using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// XxHash3-64 over a row's columns in a fixed encoding: a tag byte for the table, integers as 8 little-endian bytes, text
/// and blobs with an 8-byte length in front (-1 for null). One instance a connection; not thread-safe.
/// </summary>
internal sealed class RowHasher
{
    private readonly XxHash3 _hash = new();

    public RowHasher Start(byte table)
    {
        _hash.Reset();
        _hash.Append([table]);
        return this;
    }

    public RowHasher Add(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        _hash.Append(bytes);
        return this;
    }

    public RowHasher Add(ReadOnlySpan<byte> value)
    {
        Add(value.Length);
        _hash.Append(value);
        return this;
    }

    public RowHasher Add(string? value)
    {
        if (value is null)
            return Add(-1L);
        int size = Encoding.UTF8.GetByteCount(value);
        Span<byte> bytes = size <= 512 ? stackalloc byte[size] : new byte[size];
        Encoding.UTF8.GetBytes(value, bytes);
        return Add(bytes);
    }

    public ulong End() => _hash.GetCurrentHashAsUInt64();
}

using System.Text;
using FaceSearch.Storage.Sqlite;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Rows of a log's tables as bytes: <code>table u8 | for each column: type u8, value</code>. Types: 0 null, 1 i64, 2 text, 3 blob,
/// 4 a blob of zeros but for its last 8 bytes (a removed template).
/// </summary>
internal sealed class LogRowsCodec : IDisposable
{
    private const int Tail = 8;
    private readonly MemoryStream _stream = new();
    private readonly BinaryWriter _writer;

    public LogRowsCodec() => _writer = new(_stream, Encoding.UTF8);

    /// <summary>Tables by number; part of the format.</summary>
    public static IReadOnlyList<(string Name, int Columns)> Tables { get; } =
        [("meta", 14), ("templates", 4), ("identities", 9), ("commits", 14), ("tombstones", 5), ("outbox", 6)];

    /// <summary>Bytes written since the last <see cref="Take"/>.</summary>
    public int Length => (int)_stream.Length;

    public void Write(int table, SqliteDataReader row)
    {
        _writer.Write((byte)table);
        for (int i = 0; i < Tables[table].Columns; i++)
            Write(row.GetValue(i));
    }

    public byte[] Take()
    {
        _writer.Flush();
        byte[] bytes = _stream.ToArray();
        _stream.SetLength(0);
        return bytes;
    }

    /// <summary>Inserts rows through statements prepared by <see cref="Inserts"/>; returns the number of rows.</summary>
    public static int Load(byte[] payload, IReadOnlyList<Statement> inserts)
    {
        using MemoryStream stream = new(payload);
        using BinaryReader r = new(stream, Encoding.UTF8);
        int rows = 0;
        for (; stream.Position < stream.Length; rows++)
        {
            int table = r.ReadByte();
            if (table >= Tables.Count)
                throw new InvalidDataException("a row is of no known table");
            object?[] values = new object?[Tables[table].Columns];
            for (int i = 0; i < values.Length; i++)
                values[i] = Read(r);
            inserts[table].Run(values);
        }
        return rows;
    }

    public static IReadOnlyList<Statement> Inserts(LogConnection log) =>
        [.. Tables.Select(t => log.Prepare($"REPLACE INTO {t.Name} VALUES ({string.Join(", ", Enumerable.Range(0, t.Columns).Select(i => $"@{i}"))})", t.Columns))];

    public void Dispose() => _writer.Dispose();

    private void Write(object value)
    {
        switch (value)
        {
            case DBNull:
                _writer.Write((byte)0);
                break;
            case long number:
                _writer.Write((byte)1);
                _writer.Write(number);
                break;
            case string text:
                _writer.Write((byte)2);
                _writer.Write(text);
                break;
            case byte[] blob when blob.Length > Tail && !blob.AsSpan(0, blob.Length - Tail).ContainsAnyExcept((byte)0):
                _writer.Write((byte)4);
                _writer.Write(blob.Length);
                _writer.Write(blob.AsSpan(blob.Length - Tail));
                break;
            case byte[] blob:
                _writer.Write((byte)3);
                _writer.Write(blob.Length);
                _writer.Write(blob);
                break;
            default:
                throw new InvalidDataException("a column has an unknown type");
        }
    }

    private static object? Read(BinaryReader r)
    {
        switch (r.ReadByte())
        {
            case 0:
                return null;
            case 1:
                return r.ReadInt64();
            case 2:
                return r.ReadString();
            case 3:
                return r.ReadBytes(r.ReadInt32());
            case 4:
                byte[] blob = new byte[r.ReadInt32()];
                r.ReadBytes(Tail).CopyTo(blob, blob.Length - Tail);
                return blob;
            default:
                throw new InvalidDataException("a column has an unknown type");
        }
    }
}

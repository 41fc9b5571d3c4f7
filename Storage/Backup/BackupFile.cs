using System.Buffers.Binary;
using System.Security.Cryptography;

namespace FaceSearch.Storage.Backup;

/// <summary>
/// The form of every file of a backup but the manifest, little-endian:
/// <code>
/// "FSbackup" | version u8 = 1 | encrypted u8 | 6 zeros | salt 16
/// chunks: length u32, highest bit set in the last | content (at most 1 MiB) | encrypted: tag 16
/// </code>
/// Encrypted: AES-256-GCM under the file's own key, nonce <c>number of the chunk u64 | last u32</c>, the header as associated data. So a
/// chunk can be neither changed, moved, dropped nor cut off.
/// </summary>
internal static class BackupFile
{
    public const int HeaderLength = 32, SaltLength = 16, ChunkLength = 1 << 20, TagLength = 16;
    public const uint Last = 1u << 31;

    public static byte[] Header(bool encrypted, ReadOnlySpan<byte> salt)
    {
        byte[] header = new byte[HeaderLength];
        "FSbackup"u8.CopyTo(header);
        header[8] = 1;
        header[9] = encrypted ? (byte)1 : (byte)0;
        salt.CopyTo(header.AsSpan(16));
        return header;
    }

    public static void Nonce(Span<byte> nonce, ulong chunk, bool last)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, chunk);
        BinaryPrimitives.WriteUInt32LittleEndian(nonce[8..], last ? 1u : 0u);
    }
}

/// <summary>Writes one file, readable by its owner only; <see cref="Finish"/> ends and flushes it.</summary>
internal sealed class BackupFileWriter : Stream
{
    private readonly FileStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly AesGcm? _aes;
    private readonly byte[] _header, _chunk = new byte[BackupFile.ChunkLength], _sealed = new byte[BackupFile.ChunkLength];
    private int _length;
    private ulong _chunks;

    public BackupFileWriter(string folder, string path, BackupKey? key)
    {
        string full = Path.Combine(folder, path);
        BackupFolder.Make(Path.GetDirectoryName(full)!);
        _file = BackupFolder.NewFile(full);
        byte[] salt = new byte[BackupFile.SaltLength];
        if (key is not null)
        {
            RandomNumberGenerator.Fill(salt);
            _aes = new AesGcm(key.ForFile(path, salt), BackupFile.TagLength);
        }
        _header = BackupFile.Header(key is not null, salt);
        Put(_header);
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Length and SHA-256 of the whole file.</summary>
    public (long Length, string Sha256) Finish()
    {
        FlushChunk(last: true);
        _file.Flush(flushToDisk: true);
        return (_file.Length, Convert.ToHexStringLower(_hash.GetHashAndReset()));
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            if (_length == _chunk.Length)
                FlushChunk(last: false);
            int some = Math.Min(buffer.Length, _chunk.Length - _length);
            buffer[..some].CopyTo(_chunk.AsSpan(_length));
            _length += some;
            buffer = buffer[some..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Nothing: <see cref="Finish"/> does it.</summary>
    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        CryptographicOperations.ZeroMemory(_chunk);
        _file.Dispose();
        _hash.Dispose();
        _aes?.Dispose();
        base.Dispose(disposing);
    }

    private void FlushChunk(bool last)
    {
        Span<byte> head = stackalloc byte[4], nonce = stackalloc byte[12], tag = stackalloc byte[BackupFile.TagLength];
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)_length | (last ? BackupFile.Last : 0));
        Put(head);
        if (_aes is null)
        {
            Put(_chunk.AsSpan(0, _length));
        }
        else
        {
            BackupFile.Nonce(nonce, _chunks, last);
            _aes.Encrypt(nonce, _chunk.AsSpan(0, _length), _sealed.AsSpan(0, _length), tag, _header);
            Put(_sealed.AsSpan(0, _length));
            Put(tag);
        }
        _chunks++;
        _length = 0;
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        _file.Write(bytes);
        _hash.AppendData(bytes);
    }
}

/// <summary>Reads one file chunk by chunk; what it gives out has been authenticated, if the backup is encrypted.</summary>
internal sealed class BackupFileReader : Stream
{
    private readonly string _path;
    private readonly FileStream _file;
    private readonly AesGcm? _aes;
    private readonly byte[] _header = new byte[BackupFile.HeaderLength], _chunk = new byte[BackupFile.ChunkLength], _sealed = new byte[BackupFile.ChunkLength];
    private int _at, _length;
    private ulong _chunks;
    private bool _ended;

    public BackupFileReader(string folder, string path, BackupKey? key)
    {
        _path = path;
        _file = new FileStream(Path.Combine(folder, path), FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        try
        {
            Fill(_header);
            if (!_header.AsSpan().SequenceEqual(BackupFile.Header(key is not null, _header.AsSpan(16))))
                throw Damaged("has a header that this program does not know");
            _aes = key is null ? null : new AesGcm(key.ForFile(path, _header.AsSpan(16)), BackupFile.TagLength);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        if (_at == _length && (_ended || !NextChunk()))
            return 0;
        int some = Math.Min(buffer.Length, _length - _at);
        _chunk.AsSpan(_at, some).CopyTo(buffer);
        _at += some;
        return some;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        CryptographicOperations.ZeroMemory(_chunk);
        _file.Dispose();
        _aes?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>False if the last chunk was empty.</summary>
    private bool NextChunk()
    {
        Span<byte> head = stackalloc byte[4], nonce = stackalloc byte[12], tag = stackalloc byte[BackupFile.TagLength];
        Fill(head);
        uint word = BinaryPrimitives.ReadUInt32LittleEndian(head);
        (_ended, long length) = ((word & BackupFile.Last) != 0, word & ~BackupFile.Last);
        if (length > BackupFile.ChunkLength)
            throw Damaged("has a chunk of an impossible length");
        (_at, _length) = (0, (int)length);
        if (_aes is null)
        {
            Fill(_chunk.AsSpan(0, _length));
        }
        else
        {
            Fill(_sealed.AsSpan(0, _length));
            Fill(tag);
            BackupFile.Nonce(nonce, _chunks++, _ended);
            try
            {
                _aes.Decrypt(nonce, _sealed.AsSpan(0, _length), tag, _chunk.AsSpan(0, _length), _header);
            }
            catch (AuthenticationTagMismatchException e)
            {
                throw new BackupDamagedException(_path, "cannot be decrypted: it was changed, or the passphrase or key is another", e);
            }
        }
        return _length > 0;
    }

    private void Fill(Span<byte> bytes)
    {
        if (_file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw Damaged("ends too early");
    }

    private BackupDamagedException Damaged(string what) => new(_path, what);
}

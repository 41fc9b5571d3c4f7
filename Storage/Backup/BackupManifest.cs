using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace FaceSearch.Storage.Backup;

/// <summary>
/// The file <c>manifest</c>, written last: one line of JSON, then a line of 64 hexadecimal digits: of an encrypted backup the HMAC-SHA-256
/// under a key derived from the backup's, so that a wrong passphrase and any change are found before anything else is read; else the SHA-256.
/// It is not encrypted. It holds no secret and no biometrics, but ids of galleries and names of models.
/// </summary>
public sealed record BackupManifest
{
    public const string FileName = "manifest";

    /// <summary>Version of the format of the whole folder.</summary>
    public const int CurrentFormat = 1;

    private const int SealDigits = 64;

    public int Format { get; init; } = CurrentFormat;

    /// <summary>When it began: what was acknowledged before is in it, and what was erased before is not.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ended: nothing in it is later.</summary>
    public required DateTimeOffset EndedAt { get; init; }

    /// <summary>Where the data came from, without secrets: "SQLite files under /var/lib/facesearch".</summary>
    public required string Source { get; init; }

    /// <summary>Null: not encrypted.</summary>
    public EncryptionEntry? Encryption { get; init; }

    public required IReadOnlyList<LogFileEntry> Logs { get; init; }

    public required IReadOnlyList<ImagesEntry> Images { get; init; }

    /// <summary>Number of states in <c>grains</c>.</summary>
    public required int GrainStates { get; init; }

    /// <summary>Every file but this one.</summary>
    public required IReadOnlyList<FileEntry> Files { get; init; }

    /// <param name="Derivation">"pbkdf2-sha256" (of a passphrase) or "hkdf-sha256" (of a key file).</param>
    /// <param name="Salt">16 bytes.</param>
    /// <param name="Iterations">Of PBKDF2; 0 for a key file.</param>
    public sealed record EncryptionEntry(string Derivation, byte[] Salt, int Iterations);

    /// <param name="Path">Relative, with '/'.</param>
    /// <param name="Length">Bytes.</param>
    /// <param name="Sha256">Of the file as it lies, 64 hexadecimal digits.</param>
    public sealed record FileEntry(string Path, long Length, string Sha256);

    /// <summary>One shard's log, as of one commit.</summary>
    /// <param name="Path">Its file.</param>
    /// <param name="Gallery">Gallery of the shard.</param>
    /// <param name="Generation">Generation of the shard.</param>
    /// <param name="Shard">Number of the shard.</param>
    /// <param name="Lsn">Last commit.</param>
    /// <param name="Identities">Live identities.</param>
    /// <param name="Templates">Live templates.</param>
    /// <param name="Digest">Of the log's content, 16 hexadecimal digits.</param>
    public sealed record LogFileEntry(string Path, string Gallery, int Generation, int Shard, long Lsn, long Identities, long Templates, string Digest);

    /// <summary>One gallery's retained images.</summary>
    /// <param name="Path">Their file.</param>
    /// <param name="Gallery">The gallery.</param>
    /// <param name="People">Identities with a key.</param>
    /// <param name="Keys">Templates that have or had a key.</param>
    /// <param name="Images">Sealed images.</param>
    /// <param name="Digest">Of keys and images, 16 hexadecimal digits.</param>
    public sealed record ImagesEntry(string Path, string Gallery, long People, long Keys, long Images, string Digest);

    internal byte[] Encode(BackupKey? key)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(this);
        return [.. json, (byte)'\n', .. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(Seal(json, key))), (byte)'\n'];
    }

    /// <summary>Reads the manifest without authenticating it.</summary>
    /// <exception cref="BackupRefusedException">There is none that this program can read.</exception>
    internal static BackupManifest Describe(string folder)
    {
        byte[] bytes = Bytes(folder);
        int end = bytes.AsSpan().IndexOf((byte)'\n');
        try
        {
            return end > 0 && Parse(bytes[..end]) is { Format: CurrentFormat } manifest ? manifest : throw new BackupRefusedException($"{folder} has a manifest that this program does not know.");
        }
        catch (BackupDamagedException e)
        {
            throw new BackupRefusedException($"{folder} has a manifest that cannot be read.", e);
        }
    }

    /// <summary>Reads and authenticates the manifest.</summary>
    /// <exception cref="BackupDamagedException">It is not what <see cref="Encode"/> wrote, or the secret is another.</exception>
    /// <exception cref="BackupRefusedException">A secret is missing, or the format is newer.</exception>
    internal static (BackupManifest Manifest, BackupKey? Key) Read(string folder, BackupSecret? secret)
    {
        byte[] bytes = Bytes(folder);
        int end = bytes.Length - SealDigits - 2;
        if (end < 0 || bytes[end] != '\n' || bytes[^1] != '\n')
            throw new BackupDamagedException(FileName, "is cut off or not a manifest");
        byte[] json = bytes[..end];
        BackupManifest manifest = Parse(json);
        if (manifest.Format != CurrentFormat)
            throw new BackupRefusedException($"The backup has format {manifest.Format}; this program knows {CurrentFormat}.");
        if (manifest.Encryption is not null && secret is null)
            throw new BackupRefusedException($"The backup is encrypted: give the {(manifest.Encryption.Iterations > 0 ? "passphrase" : "key file")}.");
        if (manifest.Encryption is { Iterations: > 0 } != (secret?.Passphrase is not null) && manifest.Encryption is not null)
            throw new BackupRefusedException($"The backup was encrypted with a {(manifest.Encryption.Iterations > 0 ? "passphrase" : "key file")}, not with the other.");
        BackupKey? key = manifest.Encryption is { } e ? secret!.Derive(e.Salt, e.Iterations) : null;
        if (!CryptographicOperations.FixedTimeEquals(bytes.AsSpan(end + 1, SealDigits), Encoding.ASCII.GetBytes(Convert.ToHexStringLower(Seal(json, key)))))
            throw new BackupDamagedException(FileName, key is null ? "contradicts its checksum" : "was changed, or the passphrase or key is another");
        return (manifest, key);
    }

    private static byte[] Bytes(string folder)
    {
        try
        {
            return File.ReadAllBytes(Path.Combine(folder, FileName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BackupRefusedException($"{folder} holds no readable manifest: it is no backup, or one that was not finished.", e);
        }
    }

    private static BackupManifest Parse(byte[] json)
    {
        try
        {
            return JsonSerializer.Deserialize<BackupManifest>(json) ?? throw new BackupDamagedException(FileName, "is empty");
        }
        catch (JsonException e)
        {
            throw new BackupDamagedException(FileName, "is not readable", e);
        }
    }

    private static byte[] Seal(byte[] json, BackupKey? key) => key?.Seal(json) ?? SHA256.HashData(json);
}

using System.Security.Cryptography;
using System.Text;

namespace FaceSearch.Storage.Backup;

/// <summary>
/// What a backup is encrypted with: 32 bytes, either PBKDF2 (RFC 8018, HMAC-SHA-256) of a passphrase or HKDF (RFC 5869) of the content of a
/// key file. Each file has a key of its own, derived by HKDF from this one, the file's salt and its path.
/// </summary>
public sealed class BackupKey
{
    /// <summary>Characters of a passphrase, at least.</summary>
    public const int MinPassphrase = 12;

    /// <summary>Bytes of a key file, at least: they are to be random.</summary>
    public const int MinKeyFile = 32;

    private const int Length = 32, SaltLength = 16;

    /// <summary>OWASP's recommendation of 2023 for PBKDF2-HMAC-SHA-256.</summary>
    private const int Iterations = 600_000;

    private readonly byte[] _key;

    private BackupKey(string derivation, byte[] salt, int iterations, byte[] key) => (Derivation, Salt, Rounds, _key) = (derivation, salt, iterations, key);

    /// <summary>"pbkdf2-sha256" or "hkdf-sha256".</summary>
    internal string Derivation { get; }

    internal byte[] Salt { get; }

    internal int Rounds { get; }

    internal byte[] ForFile(string path, ReadOnlySpan<byte> salt)
    {
        byte[] key = new byte[Length];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, key, salt, Encoding.UTF8.GetBytes($"facesearch backup 1 file {path}"));
        return key;
    }

    internal byte[] Seal(byte[] manifest)
    {
        byte[] key = new byte[Length];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, key, Salt, "facesearch backup 1 manifest"u8);
        return HMACSHA256.HashData(key, manifest);
    }

    internal static BackupKey New(BackupSecret secret) =>
        secret.Derive(RandomNumberGenerator.GetBytes(SaltLength), secret.Passphrase is null ? 0 : Iterations);

    internal static BackupKey OfPassphrase(string passphrase, byte[] salt, int rounds) =>
        new("pbkdf2-sha256", salt, rounds, Rfc2898DeriveBytes.Pbkdf2(passphrase, salt, rounds, HashAlgorithmName.SHA256, Length));

    internal static BackupKey OfFile(byte[] content, byte[] salt) =>
        new("hkdf-sha256", salt, 0, HKDF.DeriveKey(HashAlgorithmName.SHA256, content, Length, salt, "facesearch backup 1"u8.ToArray()));
}

/// <summary>What the operator gives: a passphrase or a key file.</summary>
public sealed class BackupSecret
{
    private readonly byte[]? _file;

    private BackupSecret(string? passphrase, byte[]? file) => (Passphrase, _file) = (passphrase, file);

    internal string? Passphrase { get; }

    /// <exception cref="BackupRefusedException">It is too short.</exception>
    public static BackupSecret OfPassphrase(string passphrase) => passphrase.Length >= BackupKey.MinPassphrase ? new(passphrase, null)
        : throw new BackupRefusedException($"A passphrase needs at least {BackupKey.MinPassphrase} characters.");

    /// <exception cref="BackupRefusedException">It cannot be read or is too short.</exception>
    public static BackupSecret OfKeyFile(string path)
    {
        byte[] content;
        try
        {
            content = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BackupRefusedException($"The key file {path} cannot be read.", e);
        }
        return content.Length >= BackupKey.MinKeyFile ? new(null, content)
            : throw new BackupRefusedException($"The key file {path} has {content.Length} bytes; it needs at least {BackupKey.MinKeyFile} random ones.");
    }

    internal BackupKey Derive(byte[] salt, int rounds) => Passphrase is { } passphrase ? BackupKey.OfPassphrase(passphrase, salt, rounds) : BackupKey.OfFile(_file!, salt);
}

using System.Security.Cryptography;
using FaceSearch.Storage.Files;

namespace FaceSearch.Storage.Crops;

/// <summary>
/// The key that wraps the keys of identities: 32 random bytes in a file that only its owner can read, made at first need. Who keeps
/// that file apart from the data (another disk, a secret store that mounts it) makes a copied data folder worthless.
/// </summary>
internal sealed class MasterKey(string path)
{
    private readonly Lock _making = new();
    private byte[]? _key;

    /// <exception cref="CropStoreDamagedException">The file has another length.</exception>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            lock (_making)
                return _key ??= ReadOrMake();
        }
    }

    private byte[] ReadOrMake()
    {
        if (File.Exists(path))
        {
            byte[] key = File.ReadAllBytes(path);
            return key.Length == CropCipher.KeyLength ? key
                : throw new CropStoreDamagedException($"the master key file has {key.Length} bytes instead of {CropCipher.KeyLength}");
        }
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        DurableFolder.Create(folder);
        string draft = Path.Combine(folder, DurableFolder.DoomedPrefix + Guid.NewGuid().ToString("n"));
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        byte[] made = RandomNumberGenerator.GetBytes(CropCipher.KeyLength);
        using (FileStream file = new(draft, options))
        {
            file.Write(made);
            file.Flush(flushToDisk: true);
        }
        File.Move(draft, path);
        DurableFolder.Flush(folder);
        return made;
    }
}

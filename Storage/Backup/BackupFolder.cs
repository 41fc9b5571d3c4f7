using FaceSearch.Storage.Files;

namespace FaceSearch.Storage.Backup;

/// <summary>Folders and files that only their owner can read: a backup holds biometrics.</summary>
public static class BackupFolder
{
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    internal static void Make(string folder)
    {
        if (Directory.Exists(folder))
            return;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, OwnersFile | UnixFileMode.UserExecute);
    }

    /// <summary>Gives a finished folder its name, durably.</summary>
    public static void Publish(string draft, string folder) => DurableFolder.Rename(draft, folder);

    internal static FileStream NewFile(string path)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 1 << 16 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnersFile;
        return new FileStream(path, options);
    }
}

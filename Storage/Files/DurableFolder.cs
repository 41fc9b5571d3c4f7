using System.Runtime.InteropServices;

namespace FaceSearch.Storage.Files;

/// <summary>Folder operations that survive a power cut: .NET can flush a file but not the directory that names it.</summary>
internal static partial class DurableFolder
{
    private const int ReadOnlyDirectory = 0x10000; // O_RDONLY | O_DIRECTORY on Linux

    /// <summary>Flushes a folder's entries (creations, renames, deletions). Windows journals them itself.</summary>
    /// <exception cref="IOException">The flush failed.</exception>
    public static void Flush(string folder)
    {
        if (!OperatingSystem.IsLinux())
            return;
        int descriptor = Open(folder, ReadOnlyDirectory);
        if (descriptor < 0)
            throw new IOException($"Cannot open folder {folder} to flush it (errno {Marshal.GetLastPInvokeError()}).");
        try
        {
            if (Sync(descriptor) != 0)
                throw new IOException($"Cannot flush folder {folder} (errno {Marshal.GetLastPInvokeError()}).");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>Creates a folder and its missing parents, each flushed into its own parent.</summary>
    public static void Create(string folder)
    {
        if (Directory.Exists(folder))
            return;
        string? parent = Path.GetDirectoryName(Path.GetFullPath(folder));
        if (parent is not null)
            Create(parent);
        Directory.CreateDirectory(folder);
        if (parent is not null)
            Flush(parent);
    }

    /// <summary>Renames a folder (which must be flushed already) and flushes the parent that names it now.</summary>
    public static void Rename(string from, string to)
    {
        Directory.Move(from, to);
        Flush(Path.GetDirectoryName(to)!);
    }

    /// <summary>Deletes a folder so that a crash leaves it whole or under a name that nothing reads; false if it is not there.</summary>
    public static bool Delete(string folder)
    {
        if (!Directory.Exists(folder))
            return false;
        string doomed = Path.Combine(Path.GetDirectoryName(folder)!, $"{DoomedPrefix}{Guid.NewGuid():n}");
        Rename(folder, doomed);
        Remove(doomed);
        return true;
    }

    /// <summary>Prefix of folders that are being made or deleted; no gallery, shard or snapshot starts with it.</summary>
    public const string DoomedPrefix = ".unfinished-";

    /// <summary>Deletes what a crash left behind in a folder.</summary>
    public static void Sweep(string folder, Func<string, bool>? inUse = null)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (string leftover in Directory.EnumerateDirectories(folder, DoomedPrefix + "*"))
        {
            if (inUse is null || !inUse(leftover))
                Remove(leftover);
        }
    }

    /// <summary>Returns when nothing of a folder is left that nobody reads; others may be deleting it at the same time.</summary>
    private static void Remove(string doomed)
    {
        while (Directory.Exists(doomed))
        {
            try
            {
                Directory.Delete(doomed, recursive: true);
            }
            catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException)
            {
                // Somebody else was faster with a part of it.
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}

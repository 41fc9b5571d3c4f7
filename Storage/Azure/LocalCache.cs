using FaceSearch.Storage.Files;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// This process's own folder under <see cref="AzureStorageOptions.CacheFolder"/>, readable by its user alone. It is deleted when the
/// process closes its storage; what a crash left behind is deleted by the next process that opens its own.
/// </summary>
public sealed class LocalCache : IDisposable
{
    private const string LockName = "lock";
    private readonly FileStream _lock;
    private int _next;

    public LocalCache(string root)
    {
        MakePrivate(root);
        Sweep(root);
        Folder = System.IO.Path.Combine(System.IO.Path.GetFullPath(root), Guid.NewGuid().ToString("n"));
        MakePrivate(Folder);
        _lock = new FileStream(System.IO.Path.Combine(Folder, LockName), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>A path for a new folder in it.</summary>
    internal string NewFolder(string kind) => System.IO.Path.Combine(Folder, $"{kind}-{Interlocked.Increment(ref _next)}");

    internal static void Delete(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    public void Dispose()
    {
        Delete(Folder);
        _lock.Dispose();
    }

    /// <summary>Deletes the folders whose processes are gone: their lock can be taken.</summary>
    private static void Sweep(string root)
    {
        foreach (string folder in Directory.EnumerateDirectories(root))
        {
            string file = System.IO.Path.Combine(folder, LockName);
            try
            {
                using (new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                    Delete(folder);
            }
            catch (IOException)
            {
                // In use, or being made or deleted by another process.
            }
        }
    }

    private static void MakePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}

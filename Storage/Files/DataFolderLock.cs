using System.Globalization;

namespace FaceSearch.Storage.Files;

/// <summary>
/// Holds a data folder for this process until it is disposed or the process ends, however it ends (an advisory lock of
/// the operating system on the file <c>lock</c>).
/// </summary>
public sealed class DataFolderLock : IDisposable
{
    private readonly FileStream _lock;

    private DataFolderLock(DataFolder folder, FileStream file) => (Folder, _lock) = (folder, file);

    /// <summary>The folder that is held.</summary>
    public DataFolder Folder { get; }

    /// <summary>Takes the lock, making the folder at need.</summary>
    /// <exception cref="StorageUnavailableException">Another process (it is named) has it, or the folder cannot be written.</exception>
    public static DataFolderLock Take(DataFolder data)
    {
        string owner = Path.Combine(data.Root, "lock.owner");
        try
        {
            DurableFolder.Create(data.Root);
            var file = new FileStream(Path.Combine(data.Root, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return new(data, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string who = File.Exists(owner) ? $" It is in use by process {File.ReadAllText(owner).Trim()}." : "";
            throw new StorageUnavailableException($"The data folder {data.Root} cannot be taken.{who} One process at a time may use it.", e);
        }
    }

    public void Dispose() => _lock.Dispose();
}

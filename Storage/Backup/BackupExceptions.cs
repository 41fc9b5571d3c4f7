namespace FaceSearch.Storage.Backup;

/// <summary>A file of a backup is not what the manifest says, or cannot be decrypted; nothing of it is used.</summary>
public sealed class BackupDamagedException(string file, string what, Exception? inner = null)
    : StorageException($"The backup cannot be used: {file} {what}.", inner)
{
    /// <summary>Path of the file inside the backup, with '/'.</summary>
    public string File { get; } = file;
}

/// <summary>The backup or restore is not begun, or not finished, for a reason that the message gives.</summary>
public sealed class BackupRefusedException(string why, Exception? inner = null) : StorageException(why, inner);

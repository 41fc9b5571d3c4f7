using System.ComponentModel.DataAnnotations;
using FaceSearch.Storage.Backup;

namespace FaceSearch.Grains.Backups;

/// <summary>Backups of a running server; configuration section <c>Backup</c>.</summary>
public sealed class BackupOptions
{
    public const string Section = "Backup";

    /// <summary>Where backups go, each in a folder of its own; for these alone. Default: beside the data folder, with <c>-backups</c> behind its name.</summary>
    public string? Folder { get; set; }

    /// <summary>File of at least 32 random bytes that backups are encrypted with.</summary>
    public string? KeyFile { get; set; }

    /// <summary>As <see cref="KeyFile"/>, a passphrase (environment: FACESEARCH_BACKUP_PASSPHRASE).</summary>
    [DataType(DataType.Password)]
    public string? Passphrase { get; set; }

    /// <summary>Backups that are not encrypted.</summary>
    public bool Plain { get; set; }

    /// <summary>Whether the models folder goes with a backup.</summary>
    public bool Models { get; set; } = true;

    /// <summary>What backups are encrypted with; null: they are not.</summary>
    /// <exception cref="BackupRefusedException">The settings do not say, or the key cannot be used.</exception>
    public BackupSecret? Secret() => KeyFile is { Length: > 0 } file ? BackupSecret.OfKeyFile(file)
        : Passphrase is { Length: > 0 } passphrase ? BackupSecret.OfPassphrase(passphrase)
        : Plain ? null
        : throw new BackupRefusedException("A backup is encrypted, and the server has no key for it: set Backup:KeyFile or FACESEARCH_BACKUP_PASSPHRASE (Backup:Plain=true: not encrypted).");
}

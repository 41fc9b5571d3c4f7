namespace FaceSearch;

/// <summary>Where a backup is, or how it ended.</summary>
public enum BackupState
{
    /// <summary>Being written.</summary>
    Running,

    /// <summary>Being read again: every file is compared, decrypted and proven.</summary>
    Verifying,

    /// <summary>Whole, as far as was last looked.</summary>
    Done,

    /// <summary>A verification found a file that is not what it was; see <see cref="BackupDescription.Reason"/>.</summary>
    Damaged,

    /// <summary>Ended by an error; nothing of it is kept.</summary>
    Failed,

    /// <summary>Ended by a request or because the server stopped; nothing of it is kept.</summary>
    Cancelled,
}

/// <summary>A backup, finished or under way.</summary>
/// <param name="Id">Name of its folder: when it was begun, UTC.</param>
/// <param name="State">Where it is.</param>
/// <param name="Host">The machine whose folder it is in.</param>
/// <param name="Folder">Its folder there.</param>
/// <param name="StartedAt">What was acknowledged before is in it, and what was erased before is not.</param>
/// <param name="FinishedAt">Nothing in it is later; null while it runs.</param>
/// <param name="VerifiedAt">When it was last read again and found whole; null: not since this server started.</param>
/// <param name="Encrypted">Whether it is encrypted.</param>
/// <param name="Parts">Parts done of what is under way: shards, of a verification files.</param>
/// <param name="PartsTotal">Parts there are.</param>
/// <param name="Shards">Shards in it.</param>
/// <param name="Identities">Identities in it.</param>
/// <param name="Templates">Templates in it.</param>
/// <param name="Images">Retained images in it.</param>
/// <param name="Bytes">Bytes of its files.</param>
/// <param name="Reason">Why it failed or is damaged, or null.</param>
[GenerateSerializer, Immutable, Alias("fs.BackupDescription")]
public sealed record BackupDescription(
    [property: Id(0)] string Id,
    [property: Id(1)] BackupState State,
    [property: Id(2)] string Host,
    [property: Id(3)] string Folder,
    [property: Id(4)] DateTimeOffset StartedAt,
    [property: Id(5)] DateTimeOffset? FinishedAt,
    [property: Id(6)] DateTimeOffset? VerifiedAt,
    [property: Id(7)] bool Encrypted,
    [property: Id(8)] int Parts,
    [property: Id(9)] int PartsTotal,
    [property: Id(10)] int Shards,
    [property: Id(11)] long Identities,
    [property: Id(12)] long Templates,
    [property: Id(13)] long Images,
    [property: Id(14)] long Bytes,
    [property: Id(15)] string? Reason);

/// <summary>
/// Takes backups of everything while the server serves (docs/backup.md), one at a time, into the folder of the silo that this grain is on.
/// </summary>
[Alias("fs.IBackupGrain")]
public interface IBackupGrain : IGrainWithStringKey
{
    /// <summary>The only key.</summary>
    const string Key = "backups";

    /// <summary>Begins a backup and returns at once.</summary>
    /// <param name="withModels">Whether the models folder goes with it; null: as the settings say.</param>
    /// <exception cref="FaceSearchException">backup-running; backup-refused where the settings do not allow one.</exception>
    [Alias("Start")] Task<BackupDescription> StartAsync(bool? withModels);

    /// <summary>Backups in the folder and what ran since this grain began, newest first.</summary>
    [Alias("List")] Task<IReadOnlyList<BackupDescription>> ListAsync();

    /// <exception cref="FaceSearchException">backup-not-found.</exception>
    [Alias("Get")] Task<BackupDescription> GetAsync(string id);

    /// <summary>Begins a verification of a finished backup and returns at once.</summary>
    /// <exception cref="FaceSearchException">backup-not-found, backup-running, backup-refused.</exception>
    [Alias("Check")] Task<BackupDescription> CheckAsync(string id);

    /// <summary>Ends a backup or verification that is under way; a finished backup stays as it is.</summary>
    /// <exception cref="FaceSearchException">backup-not-found.</exception>
    [Alias("Cancel")] Task<BackupDescription> CancelAsync(string id);
}

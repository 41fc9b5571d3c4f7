using Azure.Core;

namespace FaceSearch.Storage.Azure;

/// <summary>What grain state is kept on.</summary>
public enum AzureGrainStore
{
    /// <summary>One block blob a state: any size.</summary>
    Blobs,

    /// <summary>One entity a state: at most 960 KiB.</summary>
    Tables,
}

/// <summary>
/// An Azure storage account: either a connection string, or the account's endpoints with a credential
/// (<c>DefaultAzureCredential</c> if none is given: managed identity in Azure, the developer's login elsewhere).
/// </summary>
public sealed class AzureStorageOptions
{
    /// <summary>A secret; it is never logged and is in no exception.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>As <c>https://ACCOUNT.blob.core.windows.net</c>; used without a connection string.</summary>
    public Uri? BlobEndpoint { get; init; }

    /// <summary>As <c>https://ACCOUNT.table.core.windows.net</c>; used without a connection string.</summary>
    public Uri? TableEndpoint { get; init; }

    /// <summary>Null: <c>DefaultAzureCredential</c>.</summary>
    public TokenCredential? Credential { get; init; }

    public string LogContainer { get; init; } = "facesearch-logs";

    public string SnapshotContainer { get; init; } = "facesearch-snapshots";

    public string CropContainer { get; init; } = "facesearch-crops";

    /// <summary>Orleans' own default.</summary>
    public string GrainContainer { get; init; } = "grainstate";

    /// <summary>Orleans' own default.</summary>
    public string GrainTable { get; init; } = "OrleansGrainState";

    /// <summary>Orleans' own default.</summary>
    public string MembershipTable { get; init; } = "OrleansSiloInstances";

    /// <summary>Orleans' own default.</summary>
    public string ReminderTable { get; init; } = "OrleansReminders";

    public AzureGrainStore Grains { get; init; } = AzureGrainStore.Blobs;

    /// <summary>
    /// A local folder for what is derived from the account: state of open logs and snapshots in use. It holds biometrics while the
    /// process runs, is emptied when it ends, and what a crash leaves is removed at the next start. Default: under the temp folder.
    /// </summary>
    public string CacheFolder { get; init; } = Path.Combine(Path.GetTempPath(), "facesearch-azure-cache");

    /// <summary>
    /// A file of 32 random bytes, the same for every silo and kept outside the account, that wraps the keys of retained images. It is
    /// never made by a silo. Null: images cannot be retained.
    /// </summary>
    public string? MasterKeyFile { get; init; }

    /// <summary>How long one request may take before its outcome counts as unknown. Default 10 s.</summary>
    public TimeSpan NetworkTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an operation is tried again before it fails. Default 30 s.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the id of an operation is remembered for idempotency. Default 30 days.</summary>
    public TimeSpan OperationRetention { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Blocks after which a log goes on in another append blob; the service allows 50,000.</summary>
    public int BlocksPerSegment { get; init; } = 49_000;

    /// <summary>Templates in one blob of a compacted log (about 550 bytes each).</summary>
    public int TemplatesPerPart { get; init; } = 65_536;

    /// <summary>
    /// Refuses an account that keeps deleted or overwritten blobs (soft delete, versioning), because there an erasure erases
    /// nothing. False: only warn.
    /// </summary>
    public bool RefuseRetainedDeletes { get; init; } = true;
}

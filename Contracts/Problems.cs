namespace FaceSearch;

/// <summary>Stable slugs of every error a caller can meet; the HTTP problem's <c>type</c> is <c>urn:facesearch:problem:</c> + slug.</summary>
public static class ProblemTypes
{
    public const string Prefix = "urn:facesearch:problem:";
    public const string InvalidRequest = "invalid-request";
    public const string GalleryNotFound = "gallery-not-found";
    public const string GalleryExists = "gallery-exists";
    public const string IdentityNotFound = "identity-not-found";
    public const string TemplateNotFound = "template-not-found";
    public const string ModelNotFound = "model-not-found";
    public const string KeyNotFound = "key-not-found";
    public const string ClustersNotFound = "clusters-not-found";
    public const string ClusteringRunning = "clustering-running";
    public const string ReembeddingNotFound = "reembedding-not-found";
    public const string ReembeddingRunning = "reembedding-running";
    public const string ReembeddingImpossible = "reembedding-impossible";
    public const string RetentionNone = "retention-none";
    public const string ModelExists = "model-exists";
    public const string ModelRejected = "model-rejected";
    public const string TrainingNotFound = "training-not-found";
    public const string TrainingLeaseLost = "training-lease-lost";
    public const string ScheduleNotFound = "schedule-not-found";
    public const string ModelNotInstalled = "model-not-installed";
    public const string BackupNotFound = "backup-not-found";
    public const string BackupRunning = "backup-running";
    public const string BackupRefused = "backup-refused";
    public const string GenerationMismatch = "generation-mismatch";
    public const string OperationReused = "operation-reused";
    public const string OperationSuperseded = "operation-superseded";
    public const string EnrolmentConflict = "enrolment-conflict";
    public const string VersionConflict = "version-conflict";
    public const string ImageRejected = "image-rejected";
    public const string FaceRejected = "face-rejected";
    public const string NoFace = "no-face";
    public const string SeveralFaces = "several-faces";
    public const string ShardLoading = "shard-loading";
    public const string ShardUnavailable = "shard-unavailable";
    public const string ShardDamaged = "shard-damaged";
    public const string StorageFull = "storage-full";
    public const string StorageFailed = "storage-failed";
    public const string DeadlineExceeded = "deadline-exceeded";
    public const string Overloaded = "overloaded";
    public const string Unauthenticated = "unauthenticated";
    public const string Forbidden = "forbidden";
    public const string TooLarge = "too-large";
    public const string TooManyRequests = "too-many-requests";
    public const string LastAdminKey = "last-admin-key";
    public const string Internal = "internal-error";
}

/// <summary>A named failure that crosses grains and becomes an RFC 9457 problem at the HTTP edge.</summary>
[GenerateSerializer, Alias("fs.FaceSearchException")]
public sealed class FaceSearchException : Exception
{
    /// <param name="type">One of <see cref="ProblemTypes"/>.</param>
    /// <param name="status">HTTP status: 4xx for the caller's mistakes, 5xx for ours.</param>
    /// <param name="message">One or two sentences that say what to do next; never biometric data.</param>
    /// <param name="retryAfter">For retryable failures: when it makes sense to try again.</param>
    public FaceSearchException(string type, int status, string message, TimeSpan? retryAfter = null) : base(message)
    {
        Type = type;
        Status = status;
        RetryAfter = retryAfter;
    }

    /// <summary>One of <see cref="ProblemTypes"/>.</summary>
    [Id(0)]
    public string Type { get; }

    /// <summary>HTTP status code.</summary>
    [Id(1)]
    public int Status { get; }

    /// <summary>When to try again, where that can help.</summary>
    [Id(2)]
    public TimeSpan? RetryAfter { get; }

    public static FaceSearchException NoGallery(string gallery) =>
        new(ProblemTypes.GalleryNotFound, 404, $"There is no gallery '{gallery}'. Create it first, or list the galleries there are.");

    public static FaceSearchException NoIdentity(string gallery, string identity) =>
        new(ProblemTypes.IdentityNotFound, 404, $"Gallery '{gallery}' has no identity '{identity}'.");

    public static FaceSearchException Invalid(string message) => new(ProblemTypes.InvalidRequest, 400, message);
}

namespace FaceSearch.Gateway.Problems;

/// <summary>The title and usual HTTP status of every problem type.</summary>
internal static class ProblemTitles
{
    private static readonly Dictionary<string, (string Title, int Status)> Known = new(StringComparer.Ordinal)
    {
        [ProblemTypes.InvalidRequest] = ("The request is not valid", 400),
        [ProblemTypes.GalleryNotFound] = ("No such gallery", 404),
        [ProblemTypes.GalleryExists] = ("The gallery exists already", 409),
        [ProblemTypes.IdentityNotFound] = ("No such identity", 404),
        [ProblemTypes.TemplateNotFound] = ("No such template", 404),
        [ProblemTypes.ModelNotFound] = ("No such model", 404),
        [ProblemTypes.KeyNotFound] = ("No such key", 404),
        [ProblemTypes.ClustersNotFound] = ("The gallery has no clustering", 404),
        [ProblemTypes.ClusteringRunning] = ("Another clustering is running", 409),
        [ProblemTypes.ReembeddingNotFound] = ("The gallery has no such re-embedding", 404),
        [ProblemTypes.ReembeddingRunning] = ("Another re-embedding is running", 409),
        [ProblemTypes.ReembeddingImpossible] = ("The gallery cannot be re-embedded so", 409),
        [ProblemTypes.RetentionNone] = ("The gallery keeps no images", 409),
        [ProblemTypes.ModelExists] = ("Another model has that name", 409),
        [ProblemTypes.ModelRejected] = ("The model was rejected", 422),
        [ProblemTypes.TrainingNotFound] = ("No such training run", 404),
        [ProblemTypes.TrainingLeaseLost] = ("The training run belongs to another worker", 409),
        [ProblemTypes.ScheduleNotFound] = ("No such schedule", 404),
        [ProblemTypes.ModelNotInstalled] = ("The model is not installed", 503),
        [ProblemTypes.BackupNotFound] = ("No such backup", 404),
        [ProblemTypes.BackupRunning] = ("Another backup is running", 409),
        [ProblemTypes.BackupRefused] = ("No backup can be taken", 409),
        [ProblemTypes.GenerationMismatch] = ("The gallery's model has changed", 409),
        [ProblemTypes.OperationReused] = ("The operation id was used for something else", 409),
        [ProblemTypes.OperationSuperseded] = ("The operation came too late", 409),
        [ProblemTypes.EnrolmentConflict] = ("The enrolment conflicts with what is enrolled", 409),
        [ProblemTypes.VersionConflict] = ("The identity has another version", 409),
        [ProblemTypes.ImageRejected] = ("The image was rejected", 422),
        [ProblemTypes.FaceRejected] = ("The face is not good enough", 422),
        [ProblemTypes.NoFace] = ("No face was found", 422),
        [ProblemTypes.SeveralFaces] = ("Several faces were found", 422),
        [ProblemTypes.ShardLoading] = ("The gallery is still loading", 503),
        [ProblemTypes.ShardUnavailable] = ("A part of the gallery cannot be reached", 503),
        [ProblemTypes.ShardDamaged] = ("A part of the gallery is damaged", 500),
        [ProblemTypes.StorageFull] = ("The storage is full", 507),
        [ProblemTypes.StorageFailed] = ("The storage failed", 503),
        [ProblemTypes.DeadlineExceeded] = ("Not done in time", 504),
        [ProblemTypes.Overloaded] = ("The server is overloaded", 503),
        [ProblemTypes.Unauthenticated] = ("An API key is needed", 401),
        [ProblemTypes.Forbidden] = ("The API key may not do this", 403),
        [ProblemTypes.TooLarge] = ("The request is too large", 413),
        [ProblemTypes.TooManyRequests] = ("Too many requests", 429),
        [ProblemTypes.LastAdminKey] = ("The last admin key cannot be revoked", 409),
        [ProblemTypes.Internal] = ("The server failed", 500),
    };

    /// <summary>Every problem type there is.</summary>
    public static IEnumerable<string> All => Known.Keys;

    public static string Title(string type) => Known.TryGetValue(type, out var known) ? known.Title : "The request failed";

    public static int Status(string type) => Known.TryGetValue(type, out var known) ? known.Status : 500;
}

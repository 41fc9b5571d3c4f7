namespace FaceSearch.Storage;

/// <summary>What callers of a grain see where its state could not be stored or read: storage exceptions do not cross the wire.</summary>
internal static class GrainStateProblems
{
    public static FaceSearchException Full(string message) => new(ProblemTypes.StorageFull, 507, message, TimeSpan.FromSeconds(30));

    public static FaceSearchException Unavailable(string message) => new(ProblemTypes.ShardUnavailable, 503, message, TimeSpan.FromSeconds(1));
}

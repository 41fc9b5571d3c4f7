using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch;

/// <summary>Which failures are of the moment: a silo is stopping or gone, a shard is on its way to another one, storage does not answer.</summary>
public static class Transient
{
    /// <summary>Whether the same call may succeed shortly. Says nothing of whether it may be repeated: that is so for reads and for what carries an operation id.</summary>
    public static bool Is(Exception exception) => exception switch
    {
        FaceSearchException e => e.Type is ProblemTypes.ShardUnavailable or ProblemTypes.ShardLoading,
        // Orleans wraps what a grain's storage throws.
        OrleansException { InnerException: FaceSearchException inner } => Is(inner),
        OrleansMessageRejectionException or ClientNotAvailableException or InconsistentStateException => true,
        // Of no type of its own: the grain directory is being handed over ("... is not stable to perform the lookup ... Retry later.").
        _ => exception.GetType() == typeof(OrleansException) && exception.InnerException is null,
    };
}

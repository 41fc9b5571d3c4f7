using Orleans.Runtime;

namespace FaceSearch;

/// <summary>Which failures are of the moment: a silo is stopping or gone, a shard is on its way to another one.</summary>
public static class Transient
{
    /// <summary>Whether the same call may succeed shortly. Says nothing of whether it may be repeated: that is so for reads and for what carries an operation id.</summary>
    public static bool Is(Exception exception) => exception is SiloUnavailableException or OrleansMessageRejectionException or ClientNotAvailableException
        or FaceSearchException { Type: ProblemTypes.ShardUnavailable or ProblemTypes.ShardLoading };
}

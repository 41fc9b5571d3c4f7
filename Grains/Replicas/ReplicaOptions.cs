namespace FaceSearch.Grains.Replicas;

/// <summary>How read replicas follow their shards, and when they are asked; section <c>Replicas</c>.</summary>
public sealed class ReplicaOptions
{
    /// <summary>How often a replica looks at the log, besides when the shard says that it wrote.</summary>
    public TimeSpan Poll { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>A replica that has not confirmed for this long that it is up to date looks at the log before it answers, also those who allow it to be behind.</summary>
    public TimeSpan MaxStaleness { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>A replica that could not look at the log for this long lets go of its memory: what was erased meanwhile may be in it.</summary>
    public TimeSpan GiveUp { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Most of the requests to shards, as a share, that are sent to a replica as well because the shard is slow.</summary>
    public double HedgeShare { get; set; } = 0.05;

    /// <summary>The share of a shard's recent answers after whose time a request counts as slow.</summary>
    public double HedgeAfterQuantile { get; set; } = 0.95;

    /// <summary>When a request counts as slow while too few answers of the shard are known.</summary>
    public TimeSpan HedgeAfterAtFirst { get; set; } = TimeSpan.FromMilliseconds(100);
}

namespace FaceSearch.Grains.Reembedding;

/// <summary>A model that has taken over a gallery, to be published.</summary>
[GenerateSerializer, Immutable, Alias("fs.PendingActivation")]
public sealed record PendingActivation(
    [property: Id(0)] string EventId,
    [property: Id(1)] string Model,
    [property: Id(2)] int Generation,
    [property: Id(3)] string Previous,
    [property: Id(4)] DateTimeOffset At);

/// <summary>What a re-embedding has to remember over a crash: names and numbers, never vectors or images.</summary>
[GenerateSerializer, Alias("fs.ReembeddingState")]
public sealed class ReembeddingState
{
    /// <summary>Null: there never was one.</summary>
    [Id(0)] public ReembeddingPhase? Phase { get; set; }

    [Id(1)] public ReembeddingRequest? Request { get; set; }
    [Id(2)] public string OldModel { get; set; } = "";
    [Id(3)] public int OldGeneration { get; set; }
    [Id(4)] public int NewGeneration { get; set; }
    [Id(5)] public bool Compatible { get; set; }
    [Id(6)] public long Total { get; set; }
    [Id(7)] public long Moved { get; set; }
    [Id(8)] public long Copied { get; set; }
    [Id(9)] public long WithoutImage { get; set; }
    [Id(10)] public long Failed { get; set; }

    /// <summary>Where the pass over the old generation is: shard, and identity to go on after.</summary>
    [Id(11)] public int CursorShard { get; set; }

    [Id(12)] public string? CursorAfter { get; set; }

    /// <summary>Passes of catching up so far.</summary>
    [Id(13)] public int Passes { get; set; }

    [Id(14)] public string? Reason { get; set; }
    [Id(15)] public ReembeddingVerification? Verification { get; set; }
    [Id(16)] public DateTimeOffset StartedAt { get; set; }
    [Id(17)] public DateTimeOffset ChangedAt { get; set; }
    [Id(18)] public DateTimeOffset? RetireAt { get; set; }

    /// <summary>The generation to erase at <see cref="ReembeddingPhase.Retiring"/>, and the end that comes after it.</summary>
    [Id(19)] public int Doomed { get; set; }

    [Id(20)] public ReembeddingPhase Outcome { get; set; }

    /// <summary>Events that have been answered, newest last.</summary>
    [Id(21)] public List<string> Events { get; set; } = [];

    /// <summary>Unpublished news of the phase, kept in the record of its change.</summary>
    [Id(22)] public bool ToAnnounce { get; set; }

    /// <summary>Switches and rollbacks that the broker has not confirmed yet, kept in the record of their change.</summary>
    [Id(23)] public List<PendingActivation> Outbox { get; set; } = [];

    public string NewModel => Request?.Model ?? "";

    public bool IsRunning => Phase is not null and < ReembeddingPhase.Done;

    public bool IsBeforeSwitch => Phase is not null and < ReembeddingPhase.Active;
}

namespace FaceSearch.Grains.Reembedding;

/// <summary>How galleries are moved to another model; section <c>Reembedding</c>.</summary>
public sealed class ReembeddingOptions
{
    /// <summary>Identities read at once; the progress is saved after each page.</summary>
    public int Page { get; set; } = 32;

    /// <summary>Faces in one run of the network.</summary>
    public int Batch { get; set; } = 8;

    /// <summary>Share of templates that may be missing in the new generation, unless the request says otherwise.</summary>
    public double MaxMissingShare { get; set; } = 0.01;

    /// <summary>How long the old generation is kept for a rollback, unless the request says otherwise.</summary>
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromDays(7);

    /// <summary>How long a generation that is no longer wanted answers those who pinned it: longer than any request may take.</summary>
    public TimeSpan Grace { get; set; } = TimeSpan.FromSeconds(35);

    /// <summary>The backfill rests more once the 95th percentile of live identification exceeds this multiple of what it was before.</summary>
    public double MaxSlowdown { get; set; } = 1.5;

    /// <summary>Longest rest after a page, as a multiple of the page's own time: however busy the machine is with other things, the move ends.</summary>
    public double MaxRest { get; set; } = 4;

    /// <summary>Templates drawn for the verification.</summary>
    public int Sample { get; set; } = 100;

    /// <summary>Least share of sampled templates whose own person is the new generation's first answer.</summary>
    public double MinSelfMatch { get; set; } = 0.99;

    /// <summary>Least share of sampled templates for which both generations name the same person first.</summary>
    public double MinAgreement { get; set; } = 0.98;
}

using FaceSearch.Cli.Enrolment;

namespace FaceSearch.Cli.Evaluate;

/// <summary>An image that gave no template, and why.</summary>
internal sealed record ImageFailure(string File, string Reason);

/// <summary>
/// What a 1:N search of one probe found. The impostor score is of the search without the probe's own identity: with one
/// template a person, that is the best candidate who is somebody else.
/// </summary>
/// <param name="Probe">The image.</param>
/// <param name="Failure">Why it could not be searched; then it counts as not found, and as no false positive.</param>
/// <param name="Rank">Rank of the own identity, 1 = best; <see cref="NotFound"/> when it is not among the candidates.</param>
/// <param name="MatedScore">Its score; negative infinity when it is not among the candidates.</param>
/// <param name="ImpostorScore">Best score of anybody else; negative infinity when there is nobody.</param>
/// <param name="Decision">The answer at the threshold in force.</param>
/// <param name="BestIdentity">First candidate; null without one.</param>
internal sealed record SearchedProbe(
    PersonImage Probe, string? Failure, int Rank, float MatedScore, float ImpostorScore, Decision Decision, string? BestIdentity)
{
    /// <summary>A rank beyond every candidate list.</summary>
    public const int NotFound = int.MaxValue;

    /// <summary>Whether it was answered with the right person.</summary>
    public bool MatchedRight => Decision == Decision.Match && BestIdentity == Probe.Identity;

    public static SearchedProbe Failed(PersonImage probe, string reason) =>
        new(probe, reason, NotFound, float.NegativeInfinity, float.NegativeInfinity, Decision.Unknown, null);
}

/// <summary>A gallery under test: a server's, or an exact search in this process.</summary>
internal interface ISearchTarget : IAsyncDisposable
{
    /// <summary><c>http</c> or <c>local</c>.</summary>
    string Mode { get; }

    /// <summary>Embedder name.</summary>
    string Model { get; }

    /// <summary>Adds one template for each image, under its person's id; reports 1 for each.</summary>
    /// <returns>Images that gave none.</returns>
    Task<IReadOnlyList<ImageFailure>> EnrolAsync(IReadOnlyList<PersonImage> images, IProgress<int> progress, CancellationToken cancellation);

    /// <summary>Searches every probe; one answer a probe, in order.</summary>
    Task<IReadOnlyList<SearchedProbe>> IdentifyAsync(IReadOnlyList<PersonImage> probes, IProgress<int> progress, CancellationToken cancellation);

    /// <summary>The threshold in force now, with nothing tuned by the caller.</summary>
    Task<ThresholdInForce> ThresholdAsync(CancellationToken cancellation);
}

using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.Problems;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Faces;

/// <summary>One enrolment of one image that did not come by HTTP.</summary>
public sealed record ImageEnrolment(
    string OperationId,
    string Gallery,
    string? Identity,
    IReadOnlyDictionary<string, string>? Metadata,
    FacePolicy Faces,
    ConflictPolicy OnConflict);

/// <summary>Exactly one of the two is there.</summary>
public sealed record EnrolmentAnswer(EnrolResponse? Response, Problem? Problem)
{
    /// <summary>The same enrolment may succeed later: the server was busy, loading or out of order.</summary>
    public bool MayRetry => Problem is { Status: >= 500 or 429 } problem && problem.Slug is not (ProblemTypes.ModelNotInstalled or ProblemTypes.ShardDamaged);
}

/// <summary>The enrolment path of HTTP, for hosts that take enrolments by other ways: the same checks, faces, conflicts and idempotency.</summary>
public sealed class EnrolmentService
{
    private readonly Enroller _enroller;
    private readonly TimeSpan _limit;

    internal EnrolmentService(Enroller enroller, GatewayOptions options) => (_enroller, _limit) = (enroller, options.MaxTimeout);

    /// <summary>The checks that need no image; null if it passes.</summary>
    public static Problem? Refusal(ImageEnrolment enrolment)
    {
        try
        {
            Check.Gallery(enrolment.Gallery);
            Check.Operation(enrolment.OperationId, "operationId");
            Check.Identity(enrolment.Identity);
            Check.Metadata(enrolment.Metadata);
            return Enum.IsDefined(enrolment.Faces) && Enum.IsDefined(enrolment.OnConflict) ? null : throw ProblemException.Invalid("'faces' or 'onConflict' is none of its values.");
        }
        catch (ProblemException e)
        {
            return e.Problem;
        }
    }

    /// <summary>Enrols; what goes wrong is told as the problem that HTTP would answer. What nobody expected is thrown as it is.</summary>
    /// <exception cref="OperationCanceledException">Only by <paramref name="cancellation"/>.</exception>
    public async Task<EnrolmentAnswer> EnrolAsync(ImageEnrolment enrolment, ReadOnlyMemory<byte> image, CancellationToken cancellation)
    {
        if (Refusal(enrolment) is { } refusal)
            return new(null, refusal);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_limit);
        try
        {
            return new(await _enroller.EnrolAsync(
                new Enrolment(enrolment.Gallery, enrolment.OperationId, enrolment.Identity, enrolment.Metadata, [image], [], enrolment.Faces, enrolment.OnConflict), limit.Token), null);
        }
        catch (Exception e) when (!(e is OperationCanceledException && cancellation.IsCancellationRequested) && ProblemFactory.From(e) is { Slug: not ProblemTypes.Internal } problem)
        {
            return new(null, problem);
        }
    }
}

using FaceSearch.Gateway.Faces;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Telemetry;
using FaceSearch.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Bulk;

/// <summary>
/// Runs the items of one bulk stream: a bounded number at a time (ready embeddings many, to fill group commits; images
/// few, to fill embedder batches), each retried while the cluster asks for patience, each answered on its own.
/// </summary>
internal sealed partial class BulkEnroller(Enroller enroller, GatewayMetrics metrics, IOptions<GatewayOptions> options, ILogger<BulkEnroller> log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Starts a stream of answers.</summary>
    public BulkRun Start(string gallery, HttpContext context) => new(this, gallery, context, options.Value);

    /// <summary>Enrols one item; never throws, except when the client has gone.</summary>
    public async Task<BulkLine> RunAsync(string gallery, long index, BulkItem item, CancellationToken cancellation)
    {
        BulkLine line = new(index, item.OperationId);
        metrics.BulkInFlight(1);
        try
        {
            EnrolResponse done = await PatientlyAsync(Checked(gallery, item), cancellation);
            return line with
            {
                Status = done.Status == EnrolStatus.Replayed ? BulkItemStatus.Replayed : BulkItemStatus.Enrolled,
                Identity = done.Identity,
                Templates = [.. done.Templates.Select(t => t.Id)],
                Warnings = done.Warnings.Count > 0 ? done.Warnings : null,
            };
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            Problem problem = ProblemFactory.From(e);
            if (problem.Slug == ProblemTypes.Internal)
                LogFailure(log, e, index);
            return Failed(line, problem);
        }
        finally
        {
            metrics.BulkInFlight(-1);
        }
    }

    /// <summary>The answer to an item that was not enrolled.</summary>
    public BulkLine Failed(BulkLine line, Problem problem)
    {
        metrics.Rejected(problem.Slug, problem.Reason);
        return line with
        {
            Status = problem.Slug == ProblemTypes.EnrolmentConflict ? BulkItemStatus.Conflict
                : problem.Status is >= 500 or 429 ? BulkItemStatus.Failed : BulkItemStatus.Rejected,
            Problem = problem,
        };
    }

    private async Task<EnrolResponse> PatientlyAsync(Enrolment enrolment, CancellationToken cancellation)
    {
        DateTimeOffset until = DateTimeOffset.UtcNow + Patience;
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return await enroller.EnrolAsync(enrolment, cancellation);
            }
            catch (Exception e) when (Wait(e, attempt) is { } wait && DateTimeOffset.UtcNow + wait < until)
            {
                await Task.Delay(wait, cancellation);
            }
        }
    }

    /// <summary>How long to wait before another attempt; null where none would help. Every attempt has the same operation id.</summary>
    private static TimeSpan? Wait(Exception e, int attempt)
    {
        Problem problem = ProblemFactory.From(e);
        bool transient = problem.Slug is ProblemTypes.Overloaded or ProblemTypes.ShardLoading or ProblemTypes.ShardUnavailable or ProblemTypes.GenerationMismatch;
        return transient && attempt < 8 ? TimeSpan.FromMilliseconds(Math.Min(5_000, 50 << attempt) * (0.5 + Random.Shared.NextDouble() / 2)) : null;
    }

    private static Enrolment Checked(string gallery, BulkItem item)
    {
        int given = (item.Embedding is null ? 0 : 1) + (item.Embeddings is null ? 0 : 1) + (item.Image is null ? 0 : 1);
        if (given != 1)
            throw ProblemException.Invalid("An item holds exactly one of 'embedding', 'embeddings' and 'image'.");
        if (item.Embeddings is { Count: 0 or > Enroller.MaxTemplates })
            throw ProblemException.Invalid($"'embeddings' must hold 1 to {Enroller.MaxTemplates}.");
        return new(
            gallery,
            Check.Operation(item.OperationId, "operationId"),
            Check.Identity(item.Identity),
            Check.Metadata(item.Metadata),
            item.Image is { } image ? [image] : [],
            item.Embedding is { } embedding ? [embedding] : item.Embeddings ?? [],
            item.Faces ?? FacePolicy.Reject,
            item.OnConflict ?? ConflictPolicy.Report,
            item.Generation);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Bulk item {Index} failed")]
    private static partial void LogFailure(ILogger log, Exception e, long index);
}

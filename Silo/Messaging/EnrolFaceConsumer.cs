using FaceSearch.Gateway.Faces;
using FaceSearch.Http;
using FaceSearch.Messages;
using MassTransit;

namespace FaceSearch.Silo.Messaging;

/// <summary>A message that cannot be worked on or answered, however often it is tried.</summary>
internal sealed class PoisonMessageException(string message) : Exception(message);

/// <summary>A command that may succeed a little later.</summary>
internal sealed class EnrolmentPostponedException(string message) : Exception(message);

/// <summary>
/// Enrols by message: the same path as HTTP, idempotent by the command's operation id, answered by <see cref="EnrolmentFinished"/>. A
/// command that can never succeed is answered by a refusal; one that might is tried again, and ends in the error queue.
/// </summary>
internal sealed class EnrolFaceConsumer(EnrolmentService enrolments, ImageReferences images, TimeProvider time) : IConsumer<EnrolFace>
{
    public async Task Consume(ConsumeContext<EnrolFace> context)
    {
        EnrolFace command = context.Message;
        if (!Ids.IsOperation(command.OperationId) || !Ids.IsGallery(command.Gallery))
            throw new PoisonMessageException("EnrolFace needs an operationId of 1 to 128 visible ASCII characters and the id of a gallery.");
        await context.Publish(await AnswerAsync(command, context.CancellationToken), context.CancellationToken);
    }

    private async Task<EnrolmentFinished> AnswerAsync(EnrolFace command, CancellationToken cancellation)
    {
        ImageEnrolment enrolment = new(command.OperationId, command.Gallery, command.Identity, command.Metadata, command.Faces, command.OnConflict);
        if (EnrolmentService.Refusal(enrolment) is { } wrong)
            return Refused(command, wrong);
        ReadOnlyMemory<byte> image;
        try
        {
            image = await images.ReadAsync(command.Image ?? "", cancellation);
        }
        catch (ImageReferenceException e)
        {
            return Finished(command, null, EnrolmentOutcome.Refused, [], ProblemTypes.InvalidRequest, e.Message, [e.Reason], []);
        }
        EnrolmentAnswer answer = await enrolments.EnrolAsync(enrolment, image, cancellation);
        if (answer.MayRetry)
            throw new EnrolmentPostponedException($"{answer.Problem!.Slug}: {answer.Problem.Detail}");
        return answer.Response is { } done
            ? Finished(command, done.Identity, EnrolmentOutcome.Enrolled, [.. done.Templates.Select(t => t.Id.ToString())], null, null, [], [])
            : Refused(command, answer.Problem!);
    }

    private EnrolmentFinished Refused(EnrolFace command, Problem problem)
    {
        IReadOnlyList<string> reasons = problem.Reasons ?? (problem.Reason is { } reason ? [reason] : []);
        EnrolmentOutcome outcome = problem.Slug == ProblemTypes.EnrolmentConflict ? EnrolmentOutcome.Conflict : EnrolmentOutcome.Refused;
        return Finished(command, null, outcome, [], problem.Slug, problem.Detail, reasons, [.. (problem.Conflicts ?? []).Select(c => c.Identity).Distinct()]);
    }

    private EnrolmentFinished Finished(EnrolFace command, string? identity, EnrolmentOutcome outcome, string[] templates,
        string? problem, string? detail, IReadOnlyList<string> reasons, string[] conflicts) => new(
        $"{command.Gallery}/enrolment/{command.OperationId}/{outcome}", command.OperationId, command.Gallery, identity ?? command.Identity,
        outcome, templates, problem, detail, reasons, conflicts, time.GetUtcNow());
}

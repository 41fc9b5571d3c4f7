using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>Training runs: start, follow, cancel; and the schedules that start them.</summary>
internal static class TrainingEndpoints
{
    private const int DefaultRuns = 50, MostRuns = 1_000, NewIdentities = 20, NewTemplates = 200;

    public static void MapTraining(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("/training").WithTags("Training").Needs(ApiRole.Admin).RequireRateLimiting(RateLimits.Plain);
        group.MapPost("/runs", StartAsync).WithBody(new BodyDoc(typeof(TrainingRequest), Examples.TrainingRequest))
            .WithDoc("startTraining", "Train now",
                "Queues a run, which a worker (`trainingjob work`) takes up. Exactly one of `gallery`, `family` and `folder` (on the worker's disk) is the source. Repeating the request with the same "
                + "`Idempotency-Key` gives the same run.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ModelNotFound, ProblemTypes.RetentionNone, ProblemTypes.Overloaded);
        group.MapGet("/runs", ListAsync).WithDoc("listTrainingRuns", "List training runs", "Newest first, each with its state, progress and outcome.");
        group.MapGet("/runs/{run}", GetAsync).WithDoc("getTrainingRun", "Follow a training run", "State, phase, loss and time left; when it has ended, the candidate and whether and why it was promoted or not.", ProblemTypes.TrainingNotFound);
        group.MapDelete("/runs/{run}", CancelAsync).WithDoc("cancelTrainingRun", "Cancel a training run", "At once if it waits; a worker stops at its next heartbeat.", ProblemTypes.TrainingNotFound);
        group.MapGet("/schedules", SchedulesAsync).WithDoc("listSchedules", "List schedules", "Each with its next due time and what became of the last ones.");
        group.MapPut("/schedules/{name}", SetScheduleAsync).WithBody(new BodyDoc(typeof(ScheduleRequest), Examples.Schedule))
            .WithDoc("setSchedule", "Set a schedule",
                "Named after a gallery, or after the base model of a family. At each due time of `cron` one run is queued, unless too little is new or the last one is still under way; the reason is kept.",
                ProblemTypes.GalleryNotFound, ProblemTypes.ModelNotFound, ProblemTypes.RetentionNone);
        group.MapDelete("/schedules/{name}", RemoveScheduleAsync).WithDoc("removeSchedule", "Remove a schedule", "Runs that it started stay.", ProblemTypes.ScheduleNotFound);
    }

    private static async Task<Accepted<TrainingRun>> StartAsync(HttpContext context, RequestReader reader, IGrainFactory grains)
    {
        TrainingRequest plan = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.TrainingRequest, context.RequestAborted);
        TrainingRun run = await Queue(grains).RequestAsync(plan, ModelEndpoints.Caller(context), OperationId.Of(context));
        return TypedResults.Accepted($"{HttpApi.Base}/training/runs/{run.Id}", run);
    }

    private static async Task<Ok<TrainingRunList>> ListAsync(HttpContext context, IGrainFactory grains)
    {
        Fields fields = new(context.Request.Query);
        int limit = Check.Range("limit", fields.Int("limit"), 1, MostRuns) ?? DefaultRuns;
        fields.RefuseUnknown();
        return TypedResults.Ok(new TrainingRunList(await Queue(grains).ListAsync(limit)));
    }

    private static async Task<Ok<TrainingRun>> GetAsync(string run, IGrainFactory grains) => TypedResults.Ok(await Queue(grains).GetAsync(run));

    private static async Task<Ok<TrainingRun>> CancelAsync(string run, IGrainFactory grains) => TypedResults.Ok(await Queue(grains).CancelAsync(run));

    private static async Task<Ok<ScheduleList>> SchedulesAsync(IGrainFactory grains) => TypedResults.Ok(new ScheduleList(await Schedules(grains).ListAsync()));

    private static async Task<Ok<ScheduleStatus>> SetScheduleAsync(string name, HttpContext context, RequestReader reader, IGrainFactory grains)
    {
        ScheduleRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.ScheduleRequest, context.RequestAborted);
        if (request.Cron is not { Length: >= 1 and <= 128 } cron || request.Plan is not { } plan)
            throw ProblemException.Invalid("'cron' (1 to 128 characters) and 'plan' are required.");
        return TypedResults.Ok(await Schedules(grains).SetAsync(new TrainingSchedule(
            name, cron, request.TimeZone, plan, request.LeastNewIdentities ?? NewIdentities, request.LeastNewTemplates ?? NewTemplates, request.Enabled ?? true)));
    }

    private static async Task<NoContent> RemoveScheduleAsync(string name, IGrainFactory grains)
    {
        ITrainingScheduleGrain schedules = Schedules(grains);
        if ((await schedules.ListAsync()).All(s => s.Schedule.Name != name))
            throw ProblemException.Of(ProblemTypes.ScheduleNotFound, "There is no schedule of that name. GET /api/v1/training/schedules lists those there are.");
        await schedules.RemoveAsync(name);
        return TypedResults.NoContent();
    }

    private static ITrainingQueueGrain Queue(IGrainFactory grains) => grains.GetGrain<ITrainingQueueGrain>(ITrainingQueueGrain.Key);

    private static ITrainingScheduleGrain Schedules(IGrainFactory grains) => grains.GetGrain<ITrainingScheduleGrain>(ITrainingScheduleGrain.Key);
}

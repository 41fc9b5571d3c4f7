using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>Backups of the running server: begin, follow, verify, cancel.</summary>
internal static class BackupEndpoints
{
    public static void MapBackups(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("/backups").WithTags("Administration").Needs(ApiRole.Admin).RequireRateLimiting(RateLimits.Plain);
        group.MapPost("", StartAsync).WithBody(new BodyDoc(typeof(BackupRequest), Examples.Backup))
            .WithDoc("startBackup", "Back up the running server",
                "Begins a backup of everything in the background, into the backup folder of one silo, while the server goes on serving. All that was acknowledged before is in it, and nothing that "
                + "was erased before. It is verified before it counts as done. One at a time.",
                ProblemTypes.BackupRunning, ProblemTypes.BackupRefused);
        group.MapGet("", ListAsync).WithDoc("listBackups", "List backups", "Those in the backup folder, and those that failed or were cancelled since the server started; newest first.");
        group.MapGet("/{backup}", GetAsync).WithDoc("getBackup", "Follow a backup", "Its state, with `parts` done of `partsTotal` while it runs or is verified.", ProblemTypes.BackupNotFound);
        group.MapPost("/{backup}/check", CheckAsync).WithDoc("checkBackup", "Verify a backup",
            "Begins to read every file of a finished backup again: compared with the manifest, decrypted, proven. The state is `done` or `damaged` then.",
            ProblemTypes.BackupNotFound, ProblemTypes.BackupRunning, ProblemTypes.BackupRefused);
        group.MapDelete("/{backup}", CancelAsync).WithDoc("cancelBackup", "Cancel a backup",
            "Ends a backup that is being written (nothing of it is kept) or its verification. A finished backup is not deleted: its folder is the operator's.", ProblemTypes.BackupNotFound);
    }

    private static async Task<Accepted<BackupDescription>> StartAsync(HttpContext context, RequestReader reader, IGrainFactory grains)
    {
        BackupRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.BackupRequest, context.RequestAborted);
        return Accepted(await Grain(grains).StartAsync(request.Models));
    }

    private static async Task<Ok<BackupList>> ListAsync(IGrainFactory grains) => TypedResults.Ok(new BackupList(await Grain(grains).ListAsync()));

    private static async Task<Ok<BackupDescription>> GetAsync(string backup, IGrainFactory grains) => TypedResults.Ok(await Grain(grains).GetAsync(backup));

    private static async Task<Accepted<BackupDescription>> CheckAsync(string backup, IGrainFactory grains) => Accepted(await Grain(grains).CheckAsync(backup));

    private static async Task<Ok<BackupDescription>> CancelAsync(string backup, IGrainFactory grains) => TypedResults.Ok(await Grain(grains).CancelAsync(backup));

    private static Accepted<BackupDescription> Accepted(BackupDescription backup) => TypedResults.Accepted($"{HttpApi.Base}/backups/{backup.Id}", backup);

    private static IBackupGrain Grain(IGrainFactory grains) => grains.GetGrain<IBackupGrain>(IBackupGrain.Key);
}

using FaceSearch.Gateway.Faces;
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

/// <summary>The models that the system knows.</summary>
internal static class ModelEndpoints
{
    public static void MapModels(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("/models").WithTags("Administration").RequireRateLimiting(RateLimits.Plain);
        group.MapGet("", ListAsync).Needs(ApiRole.Identify)
            .WithDoc("listModels", "List models", "Every model with its licence, checksum, status and false-match figures.");
        group.MapPut("/{name}/status", SetStatusAsync).Needs(ApiRole.Admin).WithBody(new BodyDoc(typeof(ModelStatusRequest), Examples.ModelStatus))
            .WithDoc("setModelStatus", "Set a model's status",
                "Along candidate, shadow, active, retired; a retired model can become active again. Activating one retires the active one of its kind.", ProblemTypes.ModelNotFound);
    }

    private static async Task<Ok<ModelList>> ListAsync(Catalogue catalogue, VisionModels vision)
    {
        vision.Detector();
        return TypedResults.Ok(new ModelList(await catalogue.ModelsAsync(), vision.DetectorName));
    }

    private static async Task<Ok<ModelDescription>> SetStatusAsync(string name, HttpContext context, RequestReader reader, IGrainFactory grains, Catalogue catalogue)
    {
        ModelStatusRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.ModelStatusRequest, context.RequestAborted);
        ModelStatus status = request.Status ?? throw ProblemException.Invalid("'status' is required: candidate, shadow, active or retired.");
        ModelDescription model = await grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key).SetStatusAsync(name, status);
        catalogue.ForgetModels();
        return TypedResults.Ok(model);
    }
}

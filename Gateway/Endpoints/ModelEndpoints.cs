using System.Security.Claims;
using FaceSearch.Gateway.Faces;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.OpenApi;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using FaceSearch.Vision;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace FaceSearch.Gateway.Endpoints;

/// <summary>The models that the system knows, and their life: upload, shadow, promotion, roll-back, retirement.</summary>
internal static class ModelEndpoints
{
    private const int LongestReason = 500;

    private static readonly FormField[] UploadForm =
    [
        FormField.Json("manifest", "The model's manifest, JSON: sizes, preprocessing, licence, SHA-256."),
        FormField.File("model", "The ONNX file."),
        FormField.Json("lineage", "What it was made from, JSON."),
        FormField.Text("gallery"),
    ];

    public static void MapModels(this IEndpointRouteBuilder api)
    {
        RouteGroupBuilder group = api.MapGroup("/models").WithTags("Models").RequireRateLimiting(RateLimits.Plain);
        group.MapGet("", ListAsync).Needs(ApiRole.Identify)
            .WithDoc("listModels", "List models", "Every model with its licence, checksum, status, lineage, last comparison and false-match figures.");
        group.MapGet("/{name}", GetAsync).Needs(ApiRole.Identify)
            .WithDoc("getModel", "Show a model", "What it is, every step of its life with who and why, and what it saw in shadow.", ProblemTypes.ModelNotFound);
        group.MapGet("/{name}/compare/{other}", CompareAsync).Needs(ApiRole.Identify)
            .WithDoc("compareModels", "Compare two models", "Side by side, with the figures of one against the other where they were compared on the same people.", ProblemTypes.ModelNotFound);
        group.MapGet("/{name}/manifest", ManifestAsync).Needs(ApiRole.Admin)
            .WithDoc("getModelManifest", "A model's manifest", "As it lies beside the installed file.", ProblemTypes.ModelNotInstalled);
        group.MapGet("/{name}/file", FileAsync).Needs(ApiRole.Admin)
            .WithDoc("getModelFile", "A model's file", "The installed ONNX file, for a training worker on another machine; its digest is in the manifest.", ProblemTypes.ModelNotInstalled);
        group.MapPost("", UploadAsync).Needs(ApiRole.Admin).WithBody(new BodyDoc(typeof(ModelLineage), "{}", Form: UploadForm))
            .WithDoc("uploadModel", "Upload a model",
                "A form with the parts `manifest` and `model`, and `lineage` and `gallery` (the one gallery that it was trained for) where there are any. The file is checked against its manifest, "
                + "loaded and run before it becomes a candidate; no restart is needed. The same upload again answers 200 with what is there.",
                ProblemTypes.ModelExists, ProblemTypes.ModelRejected, ProblemTypes.TooLarge, ProblemTypes.GalleryNotFound);
        group.MapPut("/{name}/evaluation", EvaluateAsync).Needs(ApiRole.Admin).WithBody(new BodyDoc(typeof(ModelEvaluation), Examples.Evaluation))
            .WithDoc("setModelEvaluation", "Record a comparison",
                "Figures of the model against the active one on people outside the training set, as the training worker measures them. Promotion judges by the newest.", ProblemTypes.ModelNotFound);
        group.MapPut("/{name}/status", SetStatusAsync).Needs(ApiRole.Admin).WithBody(new BodyDoc(typeof(ModelStatusRequest), Examples.ModelStatus))
            .WithDoc("setModelStatus", "Set a model's status",
                "`candidate`, `shadow` (it looks at a sample of live probes beside the active model; one at a time) or `retired`. An embedder becomes active by being promoted.", ProblemTypes.ModelNotFound);
        group.MapPost("/{name}/promote", PromoteAsync).Needs(ApiRole.Admin).WithBody(new BodyDoc(typeof(PromotionRequest), Examples.Promotion))
            .WithDoc("promoteModel", "Promote a model",
                "It becomes the active one if its recorded comparison shows no figure worse beyond its interval, overall or of a cohort, and at least one better; otherwise `promoted` is false and `reasons` say why, "
                + "with figures. `force` promotes against the evidence, for a reason that is recorded. Galleries then move to the model, each while it keeps answering.", ProblemTypes.ModelNotFound);
        group.MapPost("/rollback", RollBackAsync).Needs(ApiRole.Admin).WithBody(new BodyDoc(typeof(RollbackRequest), Examples.Rollback))
            .WithDoc("rollBackModel", "Roll back to the model before",
                "The model that was active before becomes active again. Galleries that still keep its generation go back at once; others are re-embedded.");
    }

    private static async Task<Ok<ModelList>> ListAsync(Catalogue catalogue, VisionModels vision)
    {
        vision.Detector();
        return TypedResults.Ok(new ModelList(await catalogue.ModelsAsync(), vision.DetectorName));
    }

    private static async Task<Ok<ModelDetail>> GetAsync(string name, IGrainFactory grains)
    {
        IModelRegistryGrain registry = Registry(grains);
        ModelDescription model = await NeedAsync(registry, name);
        return TypedResults.Ok(new ModelDetail(model, await registry.GetHistoryAsync(name), await ShadowAsync(grains, model)));
    }

    private static async Task<Ok<ModelPair>> CompareAsync(string name, string other, IGrainFactory grains)
    {
        IModelRegistryGrain registry = Registry(grains);
        ModelDescription a = await NeedAsync(registry, name), b = await NeedAsync(registry, other);
        ModelDescription? candidate = IsAgainst(a, b) ? a : IsAgainst(b, a) ? b : null;
        ShadowReport? shadow = await ShadowAsync(grains, a) is { } ofA && ofA.Active == b.Name ? ofA
            : await ShadowAsync(grains, b) is { } ofB && ofB.Active == a.Name ? ofB : null;
        return TypedResults.Ok(new ModelPair(a, b, candidate?.Evaluation, candidate?.Name, shadow));
    }

    private static ContentHttpResult ManifestAsync(string name, ModelStore store) => TypedResults.Text(Installed(store, name).Manifest.ToJson(), "application/json");

    private static PhysicalFileHttpResult FileAsync(string name, ModelStore store) => TypedResults.PhysicalFile(Installed(store, name).Path, "application/octet-stream");

    private static InstalledModel Installed(ModelStore store, string name) => store.List().FirstOrDefault(m => m.Manifest.Name == name)
        ?? throw ProblemException.Of(ProblemTypes.ModelNotInstalled, "That model is not installed on this server.");

    private static async Task<Results<Created<ModelDescription>, Ok<ModelDescription>>> UploadAsync(HttpContext context, ModelUploads uploads)
    {
        (ModelDescription model, bool isNew) = await uploads.TakeAsync(context);
        return isNew ? TypedResults.Created($"{HttpApi.Base}/models/{model.Name}", model) : TypedResults.Ok(model);
    }

    private static async Task<Ok<ModelDescription>> EvaluateAsync(string name, HttpContext context, RequestReader reader, IGrainFactory grains, Catalogue catalogue)
    {
        ModelEvaluation evaluation = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.ModelEvaluation, context.RequestAborted);
        if (evaluation.Comparisons.Any(c => c.Active is < 0 or > 1 || c.Candidate is < 0 or > 1 || c.Lower > c.Upper))
            throw ProblemException.Invalid("Every figure of 'comparisons' must be a share, 0 to 1, and every interval must run from 'lower' to 'upper'.");
        ModelDescription model = await Registry(grains).RecordEvaluationAsync(name, evaluation);
        catalogue.ForgetModels();
        return TypedResults.Ok(model);
    }

    private static async Task<Ok<ModelDescription>> SetStatusAsync(string name, HttpContext context, RequestReader reader, IGrainFactory grains, Catalogue catalogue)
    {
        ModelStatusRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.ModelStatusRequest, context.RequestAborted);
        ModelStatus status = request.Status ?? throw ProblemException.Invalid("'status' is required: candidate, shadow or retired.");
        ModelDescription model = await Registry(grains).SetStatusAsync(name, status, Caller(context));
        catalogue.ForgetModels();
        return TypedResults.Ok(model);
    }

    private static async Task<Ok<PromotionOutcome>> PromoteAsync(string name, HttpContext context, RequestReader reader, IGrainFactory grains, Catalogue catalogue)
    {
        PromotionRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.PromotionRequest, context.RequestAborted);
        int least = Check.Range("leastPeople", request.LeastPeople, 10, 1_000_000) ?? PromotionWish.DefaultLeastPeople;
        PromotionOutcome outcome = await Registry(grains).PromoteAsync(name, new PromotionWish(Caller(context), request.Force, least));
        catalogue.ForgetModels();
        return TypedResults.Ok(outcome);
    }

    private static async Task<Ok<PromotionOutcome>> RollBackAsync(HttpContext context, RequestReader reader, IGrainFactory grains, Catalogue catalogue)
    {
        RollbackRequest request = await reader.JsonOnlyAsync(context, FaceSearchJson.Default.RollbackRequest, context.RequestAborted);
        if (request.Reason is not { Length: >= 1 and <= LongestReason } reason || string.IsNullOrWhiteSpace(reason))
            throw ProblemException.Invalid($"'reason' is required, 1 to {LongestReason} characters: it is recorded.");
        PromotionOutcome outcome = await Registry(grains).RollBackAsync(Caller(context), reason, request.Gallery is { } gallery ? Check.Gallery(gallery) : null);
        catalogue.ForgetModels();
        return TypedResults.Ok(outcome);
    }

    /// <summary>Id of the caller's key; of a caller without a key, where it came from.</summary>
    internal static string Caller(HttpContext context) => context.User.FindFirstValue(ClaimTypes.NameIdentifier) ?? ApiKeyHandler.LoopbackId;

    private static IModelRegistryGrain Registry(IGrainFactory grains) => grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);

    private static async Task<ModelDescription> NeedAsync(IModelRegistryGrain registry, string name) => await registry.FindAsync(name)
        ?? throw ProblemException.Of(ProblemTypes.ModelNotFound, "There is no model of that name. GET /api/v1/models lists those there are.");

    private static async Task<ShadowReport?> ShadowAsync(IGrainFactory grains, ModelDescription model) =>
        model.Kind == "embedder" && await grains.GetGrain<IShadowGrain>(model.Name).GetReportAsync() is { Active.Length: > 0 } report ? report : null;

    private static bool IsAgainst(ModelDescription candidate, ModelDescription active) =>
        candidate.Evaluation is { } e && e.Active == active.Name && e.ActiveSha256 == active.Sha256;
}

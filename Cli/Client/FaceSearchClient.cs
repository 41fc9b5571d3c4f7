using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FaceSearch.Http;

namespace FaceSearch.Cli.Client;

/// <summary>
/// The HTTP API (docs/api.md), typed: one method an operation, the records of <c>FaceSearch.Http</c> in and out. Thread-safe;
/// share one. Every method throws <see cref="ApiException"/> when the server refuses, <see cref="HttpRequestException"/> when
/// none answers.
/// </summary>
internal sealed class FaceSearchClient(Uri server, string? key) : IDisposable
{
    private readonly Transport transport = new(server, key);

    private static FaceSearchJson Json => FaceSearchJson.Default;

    public void Dispose() => transport.Dispose();

    // Galleries

    public async Task<IReadOnlyList<GalleryDescription>> ListGalleriesAsync(CancellationToken cancellation) =>
        (await Get("galleries", Json.GalleryList, cancellation)).Items;

    public Task<GalleryDescription> CreateGalleryAsync(string gallery, GalleryRequest settings, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Put, Gallery(gallery), settings, Json.GalleryRequest, Json.GalleryDescription, cancellation: cancellation);

    public Task<GalleryDescription> GetGalleryAsync(string gallery, CancellationToken cancellation) =>
        Get($"galleries/{Segment(gallery)}", Json.GalleryDescription, cancellation);

    public Task<GalleryDescription> UpdateGalleryAsync(string gallery, GalleryRequest changes, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Patch, Gallery(gallery), changes, Json.GalleryRequest, Json.GalleryDescription, cancellation: cancellation);

    public Task DeleteGalleryAsync(string gallery, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Delete, Gallery(gallery), cancellation);

    public Task<ThresholdInForce> CalibrateAsync(string gallery, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, $"{Gallery(gallery)}/calibrate", Json.ThresholdInForce, cancellation: cancellation);

    // Clusters

    public Task<ClusterJob> StartClustersAsync(string gallery, ClusterRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, $"{Gallery(gallery)}/clusters", request, Json.ClusterRequest, Json.ClusterJob, cancellation: cancellation);

    public Task<ClusterJob> GetClustersAsync(string gallery, CancellationToken cancellation) =>
        Get($"galleries/{Segment(gallery)}/clusters", Json.ClusterJob, cancellation);

    public Task<ClusterGroupPage> ListClusterGroupsAsync(string gallery, string? after, int limit, bool onlyDuplicates, CancellationToken cancellation) =>
        Get(
            string.Create(CultureInfo.InvariantCulture, $"galleries/{Segment(gallery)}/clusters/groups?limit={limit}")
                + (onlyDuplicates ? "&duplicates=true" : "") + (after is null ? "" : $"&after={Segment(after)}"),
            Json.ClusterGroupPage,
            cancellation);

    // Re-embedding

    public Task<ReembeddingStatus> StartReembeddingAsync(string gallery, ReembedRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, $"{Gallery(gallery)}/reembedding", request, Json.ReembedRequest, Json.ReembeddingStatus, cancellation: cancellation);

    public Task<ReembeddingStatus> GetReembeddingAsync(string gallery, CancellationToken cancellation) =>
        Get($"galleries/{Segment(gallery)}/reembedding", Json.ReembeddingStatus, cancellation);

    public Task<ReembeddingStatus> CancelReembeddingAsync(string gallery, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Delete, $"{Gallery(gallery)}/reembedding", Json.ReembeddingStatus, cancellation: cancellation);

    public Task<ReembeddingStatus> RollBackReembeddingAsync(string gallery, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, $"{Gallery(gallery)}/reembedding/rollback", Json.ReembeddingStatus, cancellation: cancellation);

    public Task<ReembeddingStatus> RetireReembeddingAsync(string gallery, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, $"{Gallery(gallery)}/reembedding/retire", Json.ReembeddingStatus, cancellation: cancellation);

    // Enrolment and identities

    public Task<EnrolResponse> EnrolAsync(string gallery, string operation, EnrolRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, $"{Gallery(gallery)}/identities", request, Json.EnrolRequest, Json.EnrolResponse, operation, cancellation: cancellation);

    public Task<IdentityPage> ListIdentitiesAsync(string gallery, string? after, int limit, CancellationToken cancellation) =>
        Get(
            string.Create(CultureInfo.InvariantCulture, $"galleries/{Segment(gallery)}/identities?limit={limit}") + (after is null ? "" : $"&after={Segment(after)}"),
            Json.IdentityPage,
            cancellation);

    public Task<IdentityDescription> GetIdentityAsync(string gallery, string identity, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Get, Identity(gallery, identity), Json.IdentityDescription, cancellation: cancellation);

    public Task<IdentityDescription> SetMetadataAsync(
        string gallery, string identity, string operation, IReadOnlyDictionary<string, string> metadata, long? expectedVersion, CancellationToken cancellation) =>
        transport.SendAsync(
            HttpMethod.Put, $"{Identity(gallery, identity)}/metadata", metadata, Json.IReadOnlyDictionaryStringString, Json.IdentityDescription, operation, expectedVersion, cancellation);

    public Task<ErasureReceipt> EraseIdentityAsync(string gallery, string identity, string operation, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Delete, Identity(gallery, identity), Json.ErasureReceipt, operation, cancellation);

    public Task<ErasureReceipt> RemoveTemplateAsync(string gallery, string identity, TemplateId template, string operation, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Delete, $"{Identity(gallery, identity)}/templates/{template}", Json.ErasureReceipt, operation, cancellation);

    // Recognition

    public Task<IdentifyResponse> IdentifyAsync(string gallery, IdentifyRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, $"{Gallery(gallery)}/identify", request, Json.IdentifyRequest, Json.IdentifyResponse, cancellation: cancellation);

    public Task<VerifyResponse> VerifyAsync(VerifyRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, Path("verify"), request, Json.VerifyRequest, Json.VerifyResponse, cancellation: cancellation);

    public Task<IdentityVerifyResponse> VerifyIdentityAsync(string gallery, string identity, IdentityVerifyRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, $"{Identity(gallery, identity)}/verify", request, Json.IdentityVerifyRequest, Json.IdentityVerifyResponse, cancellation: cancellation);

    public Task<DetectResponse> DetectAsync(byte[] image, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, Path("detect"), new ImageRequest { Image = image }, Json.ImageRequest, Json.DetectResponse, cancellation: cancellation);

    public Task<TemplateResponse> TemplatesAsync(TemplateRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, Path("templates"), request, Json.TemplateRequest, Json.TemplateResponse, cancellation: cancellation);

    // Models, keys, status

    public Task<ModelList> ListModelsAsync(CancellationToken cancellation) => Get("models", Json.ModelList, cancellation);

    public Task<ModelDetail> GetModelAsync(string name, CancellationToken cancellation) => Get($"models/{Segment(name)}", Json.ModelDetail, cancellation);

    public Task<ModelPair> CompareModelsAsync(string name, string other, CancellationToken cancellation) =>
        Get($"models/{Segment(name)}/compare/{Segment(other)}", Json.ModelPair, cancellation);

    public Task<ModelDescription> UploadModelAsync(string file, byte[] manifest, string? gallery, CancellationToken cancellation) =>
        transport.SendFormAsync(HttpMethod.Post, Path("models"), () =>
        {
            MultipartFormDataContent form = new() { { new ByteArrayContent(manifest), "manifest" }, { new StreamContent(File.OpenRead(file)), "model", "model.onnx" } };
            if (gallery is not null)
                form.Add(new StringContent(gallery), "gallery");
            return form;
        }, Json.ModelDescription, cancellation);

    public Task<ModelDescription> SetModelStatusAsync(string name, ModelStatus status, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Put, Path($"models/{Segment(name)}/status"), new ModelStatusRequest { Status = status }, Json.ModelStatusRequest, Json.ModelDescription, cancellation: cancellation);

    public Task<PromotionOutcome> PromoteModelAsync(string name, PromotionRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, Path($"models/{Segment(name)}/promote"), request, Json.PromotionRequest, Json.PromotionOutcome, cancellation: cancellation);

    public Task<PromotionOutcome> RollBackModelAsync(RollbackRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, Path("models/rollback"), request, Json.RollbackRequest, Json.PromotionOutcome, cancellation: cancellation);

    // Training

    public Task<TrainingRun> StartTrainingAsync(TrainingRequest plan, string operation, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, Path("training/runs"), plan, Json.TrainingRequest, Json.TrainingRun, operation, cancellation: cancellation);

    public Task<TrainingRunList> ListTrainingAsync(CancellationToken cancellation) => Get("training/runs", Json.TrainingRunList, cancellation);

    public Task<TrainingRun> GetTrainingAsync(string run, CancellationToken cancellation) => Get($"training/runs/{Segment(run)}", Json.TrainingRun, cancellation);

    public Task<TrainingRun> CancelTrainingAsync(string run, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Delete, Path($"training/runs/{Segment(run)}"), Json.TrainingRun, cancellation: cancellation);

    public Task<ScheduleList> ListSchedulesAsync(CancellationToken cancellation) => Get("training/schedules", Json.ScheduleList, cancellation);

    public Task<ScheduleStatus> SetScheduleAsync(string name, ScheduleRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Put, Path($"training/schedules/{Segment(name)}"), request, Json.ScheduleRequest, Json.ScheduleStatus, cancellation: cancellation);

    public Task RemoveScheduleAsync(string name, CancellationToken cancellation) => transport.SendAsync(HttpMethod.Delete, Path($"training/schedules/{Segment(name)}"), cancellation);

    public async Task<IReadOnlyList<ApiKeyDescription>> ListKeysAsync(CancellationToken cancellation) =>
        (await Get("keys", Json.KeyList, cancellation)).Items;

    public Task<CreatedKey> CreateKeyAsync(KeyRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, Path("keys"), request, Json.KeyRequest, Json.CreatedKey, cancellation: cancellation);

    public Task RevokeKeyAsync(string id, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Delete, Path($"keys/{Segment(id)}"), cancellation);

    // Backups

    public Task<BackupDescription> StartBackupAsync(BackupRequest request, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, Path("backups"), request, Json.BackupRequest, Json.BackupDescription, cancellation: cancellation);

    public Task<BackupList> ListBackupsAsync(CancellationToken cancellation) => Get("backups", Json.BackupList, cancellation);

    public Task<BackupDescription> GetBackupAsync(string backup, CancellationToken cancellation) => Get($"backups/{Segment(backup)}", Json.BackupDescription, cancellation);

    public Task<BackupDescription> CheckBackupAsync(string backup, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Post, Path($"backups/{Segment(backup)}/check"), Json.BackupDescription, cancellation: cancellation);

    public Task<BackupDescription> CancelBackupAsync(string backup, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Delete, Path($"backups/{Segment(backup)}"), Json.BackupDescription, cancellation: cancellation);

    public Task<VersionResponse> VersionAsync(CancellationToken cancellation) => Get("version", Json.VersionResponse, cancellation);

    /// <summary>Readiness, whether the server is ready (200) or not (503); null when the answer is not a health document.</summary>
    public async Task<HealthResponse?> ReadyAsync(CancellationToken cancellation)
    {
        (_, byte[] body) = await transport.GetAnyAsync("health/ready", cancellation);
        try
        {
            return JsonSerializer.Deserialize(body, Json.HealthResponse);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private Task<T> Get<T>(string path, JsonTypeInfo<T> answer, CancellationToken cancellation) =>
        transport.SendAsync(HttpMethod.Get, Path(path), answer, cancellation: cancellation);

    private static string Path(string path) => $"{HttpApi.Base}/{path}";

    private static string Gallery(string gallery) => Path($"galleries/{Segment(gallery)}");

    private static string Identity(string gallery, string identity) => $"{Gallery(gallery)}/identities/{Segment(identity)}";

    private static string Segment(string text) => Uri.EscapeDataString(text);
}

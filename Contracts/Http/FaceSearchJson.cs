using System.Text.Json;
using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>
/// How every record of the API is written and read: camelCase, enums as strings, null members left out. Server and
/// clients use <see cref="JsonSerializerContext.Options"/> of <c>FaceSearchJson.Default</c> and nothing else.
/// </summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.Strict,
    AllowTrailingCommas = false,
    AllowDuplicateProperties = false,
    Converters =
    [
        typeof(CamelCaseEnum<Decision>), typeof(CamelCaseEnum<ConflictPolicy>), typeof(CamelCaseEnum<ConflictKind>),
        typeof(CamelCaseEnum<EnrolStatus>), typeof(CamelCaseEnum<BulkItemStatus>), typeof(CamelCaseEnum<ModelStatus>),
        typeof(CamelCaseEnum<ApiRole>), typeof(CamelCaseEnum<FacePolicy>), typeof(CamelCaseEnum<ClusterJobState>),
        typeof(CamelCaseEnum<ClusterJobStage>), typeof(CamelCaseEnum<Retention>), typeof(CamelCaseEnum<ModelMetric>), typeof(CamelCaseEnum<TrainingKind>),
        typeof(CamelCaseEnum<TrainingRunState>), typeof(CamelCaseEnum<ReembeddingPhase>), typeof(CamelCaseEnum<ReadConsistency>),
        typeof(CamelCaseEnum<BackupState>),
    ])]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(DetectResponse))]
[JsonSerializable(typeof(ImageRequest))]
[JsonSerializable(typeof(GalleryRequest))]
[JsonSerializable(typeof(GalleryList))]
[JsonSerializable(typeof(GalleryDescription))]
[JsonSerializable(typeof(ThresholdInForce))]
[JsonSerializable(typeof(ClusterRequest))]
[JsonSerializable(typeof(ClusterJob))]
[JsonSerializable(typeof(ClusterGroupPage))]
[JsonSerializable(typeof(ReembedRequest))]
[JsonSerializable(typeof(ReembeddingStatus))]
[JsonSerializable(typeof(MissingTemplatePage))]
[JsonSerializable(typeof(EnrolRequest))]
[JsonSerializable(typeof(EnrolResponse))]
[JsonSerializable(typeof(BulkItem))]
[JsonSerializable(typeof(BulkLine))]
[JsonSerializable(typeof(IdentifyRequest))]
[JsonSerializable(typeof(IdentifyResponse))]
[JsonSerializable(typeof(VerifyRequest))]
[JsonSerializable(typeof(VerifyResponse))]
[JsonSerializable(typeof(IdentityVerifyRequest))]
[JsonSerializable(typeof(IdentityVerifyResponse))]
[JsonSerializable(typeof(IdentityDescription))]
[JsonSerializable(typeof(IdentityPage))]
[JsonSerializable(typeof(ErasureReceipt))]
[JsonSerializable(typeof(TemplateRequest))]
[JsonSerializable(typeof(TemplateResponse))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelDescription))]
[JsonSerializable(typeof(ModelDetail))]
[JsonSerializable(typeof(ModelPair))]
[JsonSerializable(typeof(ModelEvaluation))]
[JsonSerializable(typeof(ModelLineage))]
[JsonSerializable(typeof(PromotionRequest))]
[JsonSerializable(typeof(PromotionOutcome))]
[JsonSerializable(typeof(RollbackRequest))]
[JsonSerializable(typeof(TrainingRequest))]
[JsonSerializable(typeof(TrainingRun))]
[JsonSerializable(typeof(TrainingRunList))]
[JsonSerializable(typeof(ScheduleRequest))]
[JsonSerializable(typeof(ScheduleStatus))]
[JsonSerializable(typeof(ScheduleList))]
[JsonSerializable(typeof(ModelStatusRequest))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(CreatedKey))]
[JsonSerializable(typeof(KeyList))]
[JsonSerializable(typeof(BackupRequest))]
[JsonSerializable(typeof(BackupDescription))]
[JsonSerializable(typeof(BackupList))]
[JsonSerializable(typeof(VersionResponse))]
[JsonSerializable(typeof(HealthResponse))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(Dictionary<string, string[]>))]
public sealed partial class FaceSearchJson : JsonSerializerContext;

using FaceSearch.Gateway.Faces;
using FaceSearch.Vision;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FaceSearch.Gateway.Health;

/// <summary>Which face detector is in use. Without one the gateway works, on thumbnails.</summary>
internal sealed class DetectorCheck(VisionModels models) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            return Task.FromResult(models.Detector() is null
                ? HealthCheckResult.Degraded($"No face detector is installed: images are taken as thumbnails of one face. Run `facesearch models pull {ModelCatalogue.YuNet}`.")
                : HealthCheckResult.Healthy($"Face detector {models.DetectorName}", new Dictionary<string, object> { ["model"] = models.DetectorName! }));
        }
        catch (Exception e)
        {
            return Task.FromResult(HealthCheckResult.Unhealthy("The face detector does not load: " + e.Message, e));
        }
    }
}

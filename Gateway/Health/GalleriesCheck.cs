using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FaceSearch.Gateway.Health;

/// <summary>Whether every gallery answers and all its shards are loaded. The answer is kept for a second.</summary>
internal sealed class GalleriesCheck(IGrainFactory grains, TimeProvider time) : IHealthCheck
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(3);

    private volatile Remembered? _last;

    private sealed record Remembered(HealthCheckResult Result, DateTimeOffset At);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (_last is { } last && time.GetUtcNow() - last.At < Fresh)
            return last.Result;
        HealthCheckResult result;
        try
        {
            result = await LookAsync().WaitAsync(Patience, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            result = HealthCheckResult.Unhealthy(e is FaceSearchException ? e.Message : "The cluster does not answer.", e);
        }
        _last = new(result, time.GetUtcNow());
        return result;
    }

    private async Task<HealthCheckResult> LookAsync()
    {
        IReadOnlyList<string> ids = await grains.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync();
        GalleryDescription[] galleries = await Task.WhenAll(ids.Select(id => grains.GetGrain<IGalleryGrain>(id).DescribeAsync()));
        ShardStatus[] shards = [.. galleries.SelectMany(g => g.Shards)];
        ShardStatus[] notReady = [.. shards.Where(s => !s.State.Equals("ready", StringComparison.OrdinalIgnoreCase))];
        Dictionary<string, object> data = new()
        {
            ["galleries"] = galleries.Length,
            ["shards"] = shards.Length,
            ["shardsReady"] = shards.Length - notReady.Length,
        };
        return notReady.Length == 0
            ? HealthCheckResult.Healthy(string.Create(CultureInfo.InvariantCulture, $"{galleries.Length} galleries, {shards.Length} shards"), data)
            : HealthCheckResult.Unhealthy($"{notReady.Length} of {shards.Length} shards are not ready ({string.Join(", ", notReady.Select(s => s.State).Distinct())}).", null, data);
    }
}

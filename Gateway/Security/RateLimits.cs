using System.Security.Claims;
using System.Threading.RateLimiting;
using FaceSearch.Gateway.Problems;
using FaceSearch.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Security;

/// <summary>
/// Limits of rate (a key) and of concurrency (by kind of work). A request that waits has not been read: back-pressure
/// costs no memory. What does not fit is answered 429 with Retry-After.
/// </summary>
internal static class RateLimits
{
    public const string Plain = "plain";
    public const string Images = "images";
    public const string Bulk = "bulk";

    /// <summary>As <see cref="Plain"/> where the body is too short for an image, else as <see cref="Images"/>.</summary>
    public const string ByBody = "by-body";

    private const int NoImageBytes = 32 << 10;

    public static void AddGatewayRateLimits(this IServiceCollection services)
    {
        services.AddRateLimiter(_ => { });
        services.AddOptions<RateLimiterOptions>().Configure<IOptions<GatewayOptions>>((limits, gateway) => Configure(limits, gateway.Value));
    }

    private static void Configure(RateLimiterOptions limits, GatewayOptions options)
    {
        limits.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
        limits.OnRejected = (rejected, _) => throw Refused(rejected);
        limits.AddPolicy(Plain, _ => Concurrency(Plain, options.Requests, options.RequestQueue));
        limits.AddPolicy(Images, _ => Concurrency(Images, options.ImageRequests, options.ImageRequestQueue));
        limits.AddPolicy(ByBody, context => context.Request.ContentLength is <= NoImageBytes
            ? Concurrency(Plain, options.Requests, options.RequestQueue)
            : Concurrency(Images, options.ImageRequests, options.ImageRequestQueue));
        limits.AddPolicy(Bulk, _ => Concurrency(Bulk, options.BulkStreams, 0));
        if (options.RequestsPerSecond > 0)
        {
            limits.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context =>
                context.Request.Path.StartsWithSegments(HttpApi.Base)
                    ? RateLimitPartition.GetTokenBucketLimiter(Caller(context), _ => Bucket(options.RequestsPerSecond))
                    : RateLimitPartition.GetNoLimiter(""));
        }
    }

    private static RateLimitPartition<string> Concurrency(string name, int permits, int queue) =>
        RateLimitPartition.GetConcurrencyLimiter(name, _ => new ConcurrencyLimiterOptions
        {
            PermitLimit = permits,
            QueueLimit = queue,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        });

    private static TokenBucketRateLimiterOptions Bucket(int perSecond) => new()
    {
        TokenLimit = Math.Max(1, perSecond),
        TokensPerPeriod = Math.Max(1, perSecond / 10),
        ReplenishmentPeriod = TimeSpan.FromMilliseconds(perSecond >= 10 ? 100 : 1000.0 / perSecond),
        QueueLimit = 0,
        AutoReplenishment = true,
    };

    /// <summary>The key's id, or the address of a caller without a key.</summary>
    private static string Caller(HttpContext context) =>
        context.User.FindFirstValue(ClaimTypes.NameIdentifier) ?? context.Connection.RemoteIpAddress?.ToString() ?? "";

    private static ProblemException Refused(OnRejectedContext rejected)
    {
        bool rate = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan after);
        return new ProblemException(ProblemFactory.Create(ProblemTypes.TooManyRequests, rate
            ? "This key makes more requests a second than it may. Wait, and send fewer at once."
            : "The server is working on as many requests of this kind as it can. Wait, and send fewer at once.") with
        {
            RetryAfterSeconds = rate ? Math.Max(1, after.TotalSeconds) : 1,
        });
    }
}

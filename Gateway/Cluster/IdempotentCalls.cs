using System.Collections.Frozen;
using System.Reflection;
using Orleans.Runtime;

namespace FaceSearch.Gateway;

/// <summary>
/// Repeats, for callers outside of grains, calls that failed because a silo was stopping or gone: reads, and changes that carry an
/// operation id, which the log applies once. All other calls fail at once.
/// </summary>
public sealed class IdempotentCalls(TimeProvider time) : IOutgoingGrainCallFilter
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50), LongestPause = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(25);

    private static readonly FrozenSet<(Type, string)> Repeatable = new (Type Grain, string[] Methods)[]
    {
        (typeof(IIdentifyGrain), [nameof(IIdentifyGrain.IdentifyAsync)]),
        (typeof(IEmbedderGrain), [nameof(IEmbedderGrain.EmbedAsync)]),
        (typeof(IIdentityGrain), [nameof(IIdentityGrain.EnrolAsync), nameof(IIdentityGrain.GetAsync), nameof(IIdentityGrain.UpdateMetadataAsync),
            nameof(IIdentityGrain.RemoveTemplateAsync), nameof(IIdentityGrain.EraseAsync), nameof(IIdentityGrain.VerifyAsync)]),
        (typeof(IGalleryGrain), [nameof(IGalleryGrain.DescribeAsync), nameof(IGalleryGrain.GetModelAsync), nameof(IGalleryGrain.ListIdentitiesAsync)]),
        (typeof(IGalleryDirectoryGrain), [nameof(IGalleryDirectoryGrain.ListAsync)]),
        (typeof(IModelRegistryGrain), [nameof(IModelRegistryGrain.ListAsync), nameof(IModelRegistryGrain.FindAsync)]),
        (typeof(IBackupGrain), [nameof(IBackupGrain.ListAsync), nameof(IBackupGrain.GetAsync)]),
        (typeof(IApiKeyGrain), [nameof(IApiKeyGrain.ListAsync), nameof(IApiKeyGrain.GetHashesAsync)]),
    }.SelectMany(g => g.Methods, (g, method) => (g.Grain, method)).ToFrozenSet();

    /// <inheritdoc/>
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        if (context.SourceContext is not null || !IsRepeatable(context.InterfaceMethod))
        {
            await context.Invoke();
            return;
        }
        DateTimeOffset until = time.GetUtcNow() + Patience;
        if (context.Request.GetArgumentCount() > 0 && context.Request.GetArgument(0) is IdentifyQuery { DeadlineAt: var deadline } && deadline < until)
            until = deadline;
        for (TimeSpan pause = FirstPause; ; pause = pause < LongestPause ? 2 * pause : pause)
        {
            try
            {
                await context.Invoke();
                if (context.Response?.Exception is not { } failure || !MayPass(failure) || time.GetUtcNow() + pause >= until)
                    return;
            }
            catch (Exception e) when (MayPass(e) && time.GetUtcNow() + pause < until)
            {
                // Again.
            }
            await Task.Delay(pause, time);
        }
    }

    /// <summary>A call without an answer may have been lost with the silo it went to.</summary>
    private static bool MayPass(Exception e) => Transient.Is(e) || e is TimeoutException or Orleans.Runtime.Messaging.ConnectionFailedException;

    private static bool IsRepeatable(MethodInfo? method) => method is not null && Repeatable.Contains((method.DeclaringType!, method.Name));
}

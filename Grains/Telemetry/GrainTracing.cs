using System.Diagnostics;

namespace FaceSearch.Grains.Telemetry;

/// <summary>Spans of the actors. Tags name galleries, shards, models and counts: never people or pictures.</summary>
internal static class GrainTracing
{
    /// <summary>Name of the source; every source of FaceSearch starts with <c>FaceSearch</c>.</summary>
    public const string SourceName = "FaceSearch.Grains";

    public static ActivitySource Source { get; } = new(SourceName);

    /// <summary>A span on a thread that the caller's context does not reach by itself; null where nobody listens.</summary>
    /// <param name="name">What is done.</param>
    /// <param name="parents">The callers' spans: the first is the parent, the others (of a shared batch) are linked.</param>
    public static Activity? Start(string name, params ReadOnlySpan<ActivityContext> parents)
    {
        if (!Source.HasListeners() || parents.Length == 0)
            return null;
        List<ActivityLink>? links = null;
        foreach (ActivityContext other in parents[1..])
        {
            if (other != default && other.SpanId != parents[0].SpanId)
                (links ??= []).Add(new ActivityLink(other));
        }
        return Source.StartActivity(name, ActivityKind.Internal, parents[0], links: links);
    }

    /// <summary>Where the caller is; default where nobody traces.</summary>
    public static ActivityContext Here => Activity.Current?.Context ?? default;
}

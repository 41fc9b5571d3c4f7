using System.Diagnostics;
using OpenTelemetry;

namespace FaceSearch.Silo.Telemetry;

/// <summary>
/// Takes out of spans what others put in and what can name a person: paths and keys of grains hold identity ids, and so may messages of
/// exceptions. The route's pattern and the grain's interface stay.
/// </summary>
internal sealed class Discretion : BaseProcessor<Activity>
{
    private static readonly string[] s_prefixes = ["url.path", "url.query", "url.full", "orleans.rpc.target_id", "orleans.rpc.source_id", "orleans.grain.id", "exception."];

    public override void OnEnd(Activity data)
    {
        foreach (string tag in data.TagObjects.Select(t => t.Key).Where(t => s_prefixes.Any(p => t.StartsWith(p, StringComparison.Ordinal))).ToArray())
            data.SetTag(tag, null);
        if (data.StatusDescription is not null)
            data.SetStatus(data.Status);
    }
}

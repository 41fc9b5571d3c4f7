using System.Diagnostics;

namespace FaceSearch.Gateway.Telemetry;

/// <summary>Spans of the gateway. Tags name galleries, models and counts: never people or pictures.</summary>
internal static class GatewayTracing
{
    /// <summary>Name of the source; every source of FaceSearch starts with <c>FaceSearch</c>.</summary>
    public const string SourceName = "FaceSearch.Gateway";

    public static ActivitySource Source { get; } = new(SourceName);
}

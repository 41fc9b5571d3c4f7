using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Training runs, newest first.</summary>
public sealed record TrainingRunList(IReadOnlyList<TrainingRun> Items);

/// <summary>Schedules, by name.</summary>
public sealed record ScheduleList(IReadOnlyList<ScheduleStatus> Items);

/// <summary>When to train by itself.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ScheduleRequest
{
    /// <summary>Five fields (minute, hour, day of month, month, day of week), or six with seconds first.</summary>
    public string? Cron { get; init; }

    /// <summary>IANA name, such as <c>Europe/Paris</c>. Default UTC.</summary>
    public string? TimeZone { get; init; }

    /// <summary>What to train.</summary>
    public TrainingRequest? Plan { get; init; }

    /// <summary>Skipped unless so many identities came since the last run. Default 20.</summary>
    public int? LeastNewIdentities { get; init; }

    /// <summary>… or so many templates. Default 200.</summary>
    public int? LeastNewTemplates { get; init; }

    /// <summary>False keeps the schedule without running it. Default true.</summary>
    public bool? Enabled { get; init; }
}

using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Begins a backup.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record BackupRequest
{
    /// <summary>Whether the models folder goes with it. Default: as the server's setting <c>Backup:Models</c> says.</summary>
    public bool? Models { get; init; }
}

/// <summary>Backups, newest first.</summary>
public sealed record BackupList(IReadOnlyList<BackupDescription> Items);

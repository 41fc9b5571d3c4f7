namespace FaceSearch.ServerBench;

/// <summary>What a run measures, and where; the command line's options.</summary>
internal sealed record BenchSettings(
    FileInfo? Silo, DirectoryInfo Data, DirectoryInfo Work, bool ShowServerLog,
    int Templates, int Reported, int Streams,
    int People, int Requests, int Rate, int Seconds,
    int RestartTemplates,
    int Images, int Rounds);

namespace FaceSearch.Grains.Galleries;

/// <summary>Where a gallery is in its life.</summary>
public enum GalleryPhase
{
    /// <summary>It does not exist.</summary>
    Absent,

    /// <summary>In service.</summary>
    Active,

    /// <summary>Being erased; finished after a crash.</summary>
    Deleting,
}

/// <summary>What a gallery's grain stores: settings and small numbers, never vectors.</summary>
[GenerateSerializer, Alias("fs.GalleryState")]
public sealed class GalleryState
{
    [Id(0)] public GalleryPhase Phase { get; set; }
    [Id(1)] public GallerySettings Settings { get; set; } = new();
    [Id(2)] public string Model { get; set; } = "";
    [Id(3)] public int Generation { get; set; }
    [Id(4)] public DateTimeOffset CreatedAt { get; set; }
    [Id(5)] public long ViewVersion { get; set; }
    [Id(6)] public BucketMap Map { get; set; } = new(1, 1);
    [Id(7)] public CalibrationState? Calibration { get; set; }
    [Id(8)] public OtherGeneration? Other { get; set; }

    /// <summary>Highest generation there ever was: numbers are never used again.</summary>
    [Id(9)] public int LastGeneration { get; set; }

    /// <summary>A generation that is out of use and whose files are being erased; finished after a crash.</summary>
    [Id(10)] public OtherGeneration? Ending { get; set; }
}

/// <summary>The ids of all galleries.</summary>
[GenerateSerializer, Alias("fs.GalleryDirectoryState")]
public sealed class GalleryDirectoryState
{
    [Id(0)] public SortedSet<string> Galleries { get; set; } = new(StringComparer.Ordinal);
}

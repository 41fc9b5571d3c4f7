namespace FaceSearch.Grains.Training;

/// <summary>How training runs are handed to workers; section <c>Training</c>.</summary>
public sealed class TrainingQueueOptions
{
    /// <summary>How long a worker may be silent before its run goes to another.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Workers that may fail on a run before it is given up.</summary>
    public int MostAttempts { get; set; } = 5;

    /// <summary>Runs that may wait.</summary>
    public int MostWaiting { get; set; } = 100;

    /// <summary>Finished runs that are remembered.</summary>
    public int RunsKept { get; set; } = 200;
}

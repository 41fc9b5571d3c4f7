namespace FaceSearch.TrainingJob.Training;

/// <summary>The learning rate over a run.</summary>
public static class RateSchedule
{
    /// <summary>Share of a run over which the rate rises from nothing (cosine).</summary>
    private const double WarmUp = 0.05;

    /// <summary>The rate, as a factor on the highest one.</summary>
    /// <param name="kind">Its course.</param>
    /// <param name="progress">0 at the start of the run, 1 at its end.</param>
    public static double Factor(ScheduleKind kind, double progress) => kind switch
    {
        ScheduleKind.Constant => 1,
        ScheduleKind.Steps => progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01,
        ScheduleKind.Cosine when progress < WarmUp => Math.Max(progress, 1e-3) / WarmUp,
        ScheduleKind.Cosine => 0.01 + 0.99 * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(1, (progress - WarmUp) / (1 - WarmUp)))),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}

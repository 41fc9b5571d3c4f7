using System.Globalization;
using FaceSearch.TrainingJob.Training;
using Spectre.Console;

namespace FaceSearch.TrainingJob.Commands;

/// <summary>A bar with the time left on a terminal; a line now and then where the output is a file.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    public static async Task<T> RunAsync<T>(Func<IProgress<TrainingProgress>, Task<T>> work)
    {
        if (!AnsiConsole.Profile.Capabilities.Interactive || Console.IsOutputRedirected)
            return await work(new Lines());
        return await AnsiConsole.Progress().HideCompleted(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(context => work(new Bar(context.AddTask("starting"))));
    }

    /// <summary>The present state in words: phase, figures, time left.</summary>
    internal static string Describe(TrainingProgress p)
    {
        string count = p.Total > 0 ? string.Create(CultureInfo.InvariantCulture, $"{p.Done:N0}/{p.Total:N0}") : string.Create(CultureInfo.InvariantCulture, $"{p.Done:N0}");
        string loss = p.Loss is { } l ? string.Create(CultureInfo.InvariantCulture, $", loss {l:F4}") : "";
        string validation = p.Validation is { } v ? string.Create(CultureInfo.InvariantCulture, $", validation rank-1 {v.Rank1:P1}, pairs {v.PairAccuracy:P1}") : "";
        string left = p.Remaining is { } r ? string.Create(CultureInfo.InvariantCulture, $", {r:h\\:mm\\:ss} left") : "";
        return $"{p.Phase} {count}{loss}{validation}{left}";
    }

    private sealed class Bar(ProgressTask task) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            task.Description = Markup.Escape(Describe(value));
            task.IsIndeterminate = value.Total == 0;
            task.MaxValue = Math.Max(1, value.Total);
            // A task that reaches its end is finished for good; the next phase starts from the beginning.
            task.Value = Math.Min(value.Done, task.MaxValue - 1e-6);
        }
    }

    private sealed class Lines : IProgress<TrainingProgress>
    {
        private readonly Lock _lock = new();
        private DateTime _last;
        private string _phase = "";

        public void Report(TrainingProgress value)
        {
            lock (_lock)
            {
                DateTime now = DateTime.UtcNow;
                if (value.Phase == _phase && now - _last < BetweenLines)
                    return;
                (_last, _phase) = (now, value.Phase);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{now:HH:mm:ss} {Describe(value)}"));
            }
        }
    }
}

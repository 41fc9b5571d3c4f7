namespace FaceSearch.Silo.Startup;

/// <summary>Calls of a silo that starts while others start, stop or fall silent: they may be lost on the way.</summary>
internal static class StartingCluster
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2), Pause = TimeSpan.FromSeconds(1);

    /// <summary>Makes a call that may be made twice, and makes it again while it fails for a reason that passes.</summary>
    /// <exception cref="TimeoutException">There was no answer for two minutes.</exception>
    public static async Task AskAsync(Func<Task> call, TimeProvider time, CancellationToken cancellationToken)
    {
        long began = time.GetTimestamp();
        while (true)
        {
            try
            {
                await call();
                return;
            }
            catch (Exception e) when ((e is TimeoutException || Transient.Is(e)) && time.GetElapsedTime(began) < Patience)
            {
                await Task.Delay(Pause, time, cancellationToken);
            }
        }
    }
}

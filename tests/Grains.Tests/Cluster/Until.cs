using System.Diagnostics;

namespace FaceSearch.Grains.Tests.Cluster;

/// <summary>Waits on a condition.</summary>
internal static class Until
{
    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string>? state = null, TimeSpan? limit = null)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (!await condition())
        {
            waited.Elapsed.ShouldBeLessThan(limit ?? TimeSpan.FromMinutes(1), $"the condition did not come true: {state?.Invoke()}");
            await Task.Delay(20);
        }
    }
}

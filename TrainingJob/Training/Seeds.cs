namespace FaceSearch.TrainingJob.Training;

/// <summary>One seed makes many, the same on every machine and in every process (unlike System.HashCode).</summary>
internal static class Seeds
{
    /// <summary>A seed for one use of a run's seed: e.g. epoch, batch, sample.</summary>
    public static int Mix(int seed, int a, int b = 0, int c = 0)
    {
        ulong x = (uint)seed;
        foreach (int part in (ReadOnlySpan<int>)[a, b, c])
        {
            // SplitMix64's finaliser (Steele, Lea, Flood, 2014).
            x = (x ^ (uint)part) + 0x9e3779b97f4a7c15;
            x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
            x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
            x ^= x >> 31;
        }
        return (int)(x & 0x7fffffff);
    }
}

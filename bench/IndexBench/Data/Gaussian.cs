namespace FaceSearch.IndexBench.Data;

/// <summary>Normal deviates by Box and Muller over SplitMix64 (Steele, Lea, Flood 2014): the same everywhere for the same seed.</summary>
internal struct Gaussian(long seed)
{
    private ulong _state = (ulong)seed * 0x9E3779B97F4A7C15;
    private double _spare = double.NaN;

    /// <summary>Uniform in [0, 1).</summary>
    public double Uniform()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>Mean 0, variance 1.</summary>
    public double Next()
    {
        if (!double.IsNaN(_spare))
        {
            double spare = _spare;
            _spare = double.NaN;
            return spare;
        }

        double radius = Math.Sqrt(-2 * Math.Log(1 - Uniform())), angle = 2 * Math.PI * Uniform();
        _spare = radius * Math.Sin(angle);
        return radius * Math.Cos(angle);
    }
}

namespace FaceSearch.ScaleModel;

/// <summary>SplitMix64 (Steele, Lea, Flood 2014): the same numbers everywhere for the same seed.</summary>
internal sealed class RandomSource(ulong seed)
{
    private ulong _state = seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03;

    public ulong NextBits()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in (0, 1].</summary>
    public double Uniform() => ((NextBits() >> 11) + 1) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0 .. bound - 1.</summary>
    public int Below(int bound) => (int)(NextBits() % (ulong)bound);

    /// <summary>Exponential of a mean.</summary>
    public double Exponential(double mean) => -mean * Math.Log(Uniform());

    /// <summary>Mean 0, variance 1 (Box and Muller).</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(Uniform())) * Math.Cos(2 * Math.PI * Uniform());
}

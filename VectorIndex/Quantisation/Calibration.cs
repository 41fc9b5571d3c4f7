using System.Runtime.Intrinsics;

namespace FaceSearch.VectorIndex.Quantisation;

/// <summary>
/// Chooses the step of the 7-bit codes: the finest that clips no component of what is stored. Clipping a little would lower the mean
/// error, but one clipped vector's residual widens the error bound, and with it the rerank, of every search.
/// </summary>
internal static unsafe class Calibration
{
    /// <summary>Room above the largest component seen, so that the next vectors are not clipped at once.</summary>
    private const float Headroom = 1.03f;

    /// <summary>A calibration is kept while its step and its largest residual are within this factor of what a new one would give.</summary>
    private const float Tolerance = 1.15f;

    private const int PositiveLevels = Quantiser.MaxCode - Quantiser.ZeroPoint;

    /// <summary>Before there is data: four standard deviations of an isotropic unit vector's components.</summary>
    public static float InitialStep(int dimension) => Math.Min(1, 4 / MathF.Sqrt(dimension)) / PositiveLevels;

    /// <summary>Step for data whose largest component has this magnitude.</summary>
    public static float StepFor(float largest) => Math.Max(largest * Headroom, 1e-6f) / PositiveLevels;

    /// <summary>True if encoding everything again with <paramref name="step"/> is worth its while.</summary>
    public static bool IsWorthIt(CodeTable now, float step, int dimension)
    {
        // Rounding errors are uniform in +-step/2 and concentrate: the largest residual is little above the root mean square.
        float residual = step * MathF.Sqrt(dimension / 12f);
        return now.Step > step * Tolerance || now.MaxResidual > 1.2f * residual * Tolerance;
    }

    /// <summary>Largest magnitude of <paramref name="length"/> (a multiple of 16) components.</summary>
    public static float LargestMagnitude(float* x, int length)
    {
        Vector512<float> largest = default;
        for (int i = 0; i < length; i += 16) largest = Vector512.Max(largest, Vector512.Abs(Vector512.Load(x + i)));
        float result = 0;
        for (int i = 0; i < 16; i++) result = Math.Max(result, largest[i]);
        return result;
    }
}

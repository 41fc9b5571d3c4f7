namespace FaceSearch.VectorIndex.Quantisation;

/// <summary>Finds the step of the 7-bit codes: the one with the least squared error on a sample, clipping included.</summary>
internal static unsafe class Calibration
{
    private const int Candidates = 24;

    /// <summary>Before there is data: four standard deviations of an isotropic unit vector's components.</summary>
    public static float InitialStep(int dimension) => Math.Min(1, 4 / MathF.Sqrt(dimension)) / (Quantiser.MaxCode - Quantiser.ZeroPoint);

    /// <summary>Best step for <paramref name="rows"/> sample vectors, [rows, dimension] row-major.</summary>
    public static float BestStep(ReadOnlySpan<float> sample)
    {
        float largest = 0;
        foreach (float x in sample) largest = Math.Max(largest, Math.Abs(x));
        if (largest == 0) return 1f / (Quantiser.MaxCode - Quantiser.ZeroPoint);
        float best = 0;
        double least = double.MaxValue;
        for (int i = 1; i <= Candidates; i++)
        {
            float step = largest * i / Candidates / (Quantiser.MaxCode - Quantiser.ZeroPoint);
            double error = SquaredError(sample, step);
            if (error >= least) continue;
            least = error;
            best = step;
        }

        return best;
    }

    /// <summary>Summed squared error of encoding and decoding the sample with a step.</summary>
    public static double SquaredError(ReadOnlySpan<float> sample, float step)
    {
        float inverse = 1 / step;
        double error = 0;
        foreach (float x in sample)
        {
            float level = Math.Clamp(MathF.Round(x * inverse), -Quantiser.ZeroPoint, Quantiser.MaxCode - Quantiser.ZeroPoint);
            float difference = x - (level * step);
            error += difference * difference;
        }

        return error;
    }
}

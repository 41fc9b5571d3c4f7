namespace FaceSearch.Vision;

/// <summary>Measures a face's quality from its detection and its aligned crop.</summary>
public static class QualityAssessor
{
    // Where each component reaches 1: beyond these, recognition no longer gains.
    private const float GoodSize = 96;
    private const float GoodSharpness = 200;
    private const float UselessPose = 90;

    /// <summary>Quality of a detected face.</summary>
    /// <param name="face">In original-picture pixels.</param>
    /// <param name="crop">The face, aligned.</param>
    public static FaceQuality Assess(DetectedFace face, AlignedFace crop)
    {
        (float yaw, float pitch, float roll) = PoseEstimator.Estimate(face.Landmarks);
        return Combine(Sharpness(crop), Math.Min(face.Box.Width, face.Box.Height), yaw, pitch, roll, face.Score);
    }

    /// <summary>Quality of a thumbnail that is taken for a face as a whole: pose and detector score are not measured.</summary>
    public static FaceQuality AssessThumbnail(int width, int height, AlignedFace crop) =>
        Combine(Sharpness(crop), Math.Min(width, height), 0, 0, 0, 1);

    private static FaceQuality Combine(float sharpness, float size, float yaw, float pitch, float roll, float score)
    {
        float pose = 1 - Math.Clamp(MathF.Max(MathF.Abs(yaw), MathF.Abs(pitch)) / UselessPose, 0, 1);
        float overall = MathF.Min(
            MathF.Min(MathF.Min(1, size / GoodSize), MathF.Min(1, MathF.Sqrt(sharpness / GoodSharpness))),
            MathF.Min(pose, Math.Clamp(score, 0, 1)));
        return new FaceQuality(overall, sharpness, size, yaw, pitch, roll, score);
    }

    /// <summary>Variance of the 4-neighbour Laplacian of the grey crop (Pech-Pacheco et al., ICPR 2000).</summary>
    private static float Sharpness(AlignedFace crop)
    {
        int size = crop.Size;
        Span<int> grey = size <= 128 ? stackalloc int[size * 3] : new int[size * 3];
        long sum = 0, squares = 0;
        for (int y = 0; y < size; y++)
        {
            Grey(crop.Rgb.AsSpan(y * size * 3, size * 3), grey.Slice(y % 3 * size, size));
            if (y < 2)
                continue;
            ReadOnlySpan<int> above = grey.Slice((y - 2) % 3 * size, size), middle = grey.Slice((y - 1) % 3 * size, size), below = grey.Slice(y % 3 * size, size);
            for (int x = 1; x < size - 1; x++)
            {
                long laplacian = above[x] + below[x] + middle[x - 1] + middle[x + 1] - 4 * middle[x];
                sum += laplacian;
                squares += laplacian * laplacian;
            }
        }
        double n = (double)(size - 2) * (size - 2), mean = sum / n;
        return (float)(squares / n - mean * mean);
    }

    /// <summary>ITU-R BT.601 luma in whole levels.</summary>
    private static void Grey(ReadOnlySpan<byte> rgb, Span<int> grey)
    {
        for (int x = 0; x < grey.Length; x++)
            grey[x] = (299 * rgb[3 * x] + 587 * rgb[3 * x + 1] + 114 * rgb[3 * x + 2] + 500) / 1000;
    }
}

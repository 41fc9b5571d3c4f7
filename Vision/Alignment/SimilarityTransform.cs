namespace FaceSearch.Vision;

/// <summary>
/// (x, y) -> (A x - B y + TranslateX, B x + A y + TranslateY): rotation by atan2(B, A), scale sqrt(A^2 + B^2).
/// </summary>
internal readonly record struct SimilarityTransform(float A, float B, float TranslateX, float TranslateY)
{
    /// <summary>The uniform scale.</summary>
    public float Scale => MathF.Sqrt(A * A + B * B);

    /// <summary>The transformed point.</summary>
    public ImagePoint Apply(float x, float y) => new(A * x - B * y + TranslateX, B * x + A * y + TranslateY);

    /// <summary>
    /// The similarity that minimises the summed squared distance from mapped <paramref name="from"/> to
    /// <paramref name="to"/>: with points as complex numbers around their means, a + ib = sum(conj(p) q) / sum(|p|^2).
    /// </summary>
    public static SimilarityTransform Fit(ReadOnlySpan<ImagePoint> from, ReadOnlySpan<ImagePoint> to)
    {
        double fx = 0, fy = 0, tx = 0, ty = 0;
        for (int i = 0; i < from.Length; i++)
        {
            fx += from[i].X;
            fy += from[i].Y;
            tx += to[i].X;
            ty += to[i].Y;
        }
        fx /= from.Length;
        fy /= from.Length;
        tx /= from.Length;
        ty /= from.Length;

        double real = 0, imaginary = 0, norm = 0;
        for (int i = 0; i < from.Length; i++)
        {
            double px = from[i].X - fx, py = from[i].Y - fy, qx = to[i].X - tx, qy = to[i].Y - ty;
            real += px * qx + py * qy;
            imaginary += px * qy - py * qx;
            norm += px * px + py * py;
        }
        double a = norm > 0 ? real / norm : 1, b = norm > 0 ? imaginary / norm : 0;
        return new SimilarityTransform((float)a, (float)b, (float)(tx - (a * fx - b * fy)), (float)(ty - (b * fx + a * fy)));
    }
}

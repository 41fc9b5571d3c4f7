using Microsoft.ML.OnnxRuntime;

namespace FaceSearch.Vision;

/// <summary>
/// Reads YuNet's anchor-free outputs. Per stride S and cell (c, r): score = sqrt(cls * obj); box centre
/// ((c + b0) S, (r + b1) S), size (exp(b2) S, exp(b3) S); landmark i ((c + k[2i]) S, (r + k[2i+1]) S).
/// </summary>
internal static class YuNetOutputs
{
    private static readonly int[] Strides = [8, 16, 32];

    /// <summary>cls, obj, bbox, kps for each stride, in this order.</summary>
    public static readonly string[] Names =
        [.. Strides.SelectMany(s => (string[])[$"cls_{s}", $"obj_{s}", $"bbox_{s}", $"kps_{s}"])];

    /// <summary>Faces above the threshold after non-maximum suppression, best first, scaled to original pixels.</summary>
    public static List<DetectedFace> Decode(
        IReadOnlyList<OrtValue> outputs, int width, int height, DetectorOptions options, float scaleX, float scaleY)
    {
        List<DetectedFace> candidates = [];
        for (int i = 0; i < Strides.Length; i++)
        {
            Collect(
                outputs[i * 4].GetTensorDataAsSpan<float>(), outputs[i * 4 + 1].GetTensorDataAsSpan<float>(),
                outputs[i * 4 + 2].GetTensorDataAsSpan<float>(), outputs[i * 4 + 3].GetTensorDataAsSpan<float>(),
                Strides[i], width / Strides[i], options.ScoreThreshold, scaleX, scaleY, candidates);
        }
        return Suppress(candidates, options.NmsIou);
    }

    private static void Collect(
        ReadOnlySpan<float> cls, ReadOnlySpan<float> obj, ReadOnlySpan<float> boxes, ReadOnlySpan<float> points,
        int stride, int columns, float threshold, float scaleX, float scaleY, List<DetectedFace> into)
    {
        float squared = threshold * threshold, sx = stride * scaleX, sy = stride * scaleY;
        for (int cell = 0; cell < cls.Length; cell++)
        {
            float product = cls[cell] * obj[cell];
            if (!(product >= squared))
                continue;
            int column = cell % columns, row = cell / columns;
            ReadOnlySpan<float> b = boxes.Slice(cell * 4, 4), k = points.Slice(cell * 10, 10);
            float w = MathF.Exp(b[2]) * sx, h = MathF.Exp(b[3]) * sy;
            var box = new FaceBox((column + b[0]) * sx - w / 2, (row + b[1]) * sy - h / 2, w, h);
            var landmarks = new FaceLandmarks(
                new(k[0] + column, k[1] + row), new(k[2] + column, k[3] + row), new(k[4] + column, k[5] + row),
                new(k[6] + column, k[7] + row), new(k[8] + column, k[9] + row));
            into.Add(new DetectedFace(box, MathF.Min(1, MathF.Sqrt(product)), landmarks.Scaled(sx, sy)));
        }
    }

    /// <summary>Greedy non-maximum suppression; ties keep the earlier cell so that the result is reproducible.</summary>
    private static List<DetectedFace> Suppress(List<DetectedFace> candidates, float maxIou)
    {
        List<DetectedFace> kept = [];
        foreach (DetectedFace face in candidates.OrderByDescending(f => f.Score))
        {
            if (!kept.Exists(k => IntersectionOverUnion(k.Box, face.Box) > maxIou))
                kept.Add(face);
        }
        return kept;
    }

    private static float IntersectionOverUnion(in FaceBox a, in FaceBox b)
    {
        float width = MathF.Min(a.X + a.Width, b.X + b.Width) - MathF.Max(a.X, b.X);
        float height = MathF.Min(a.Y + a.Height, b.Y + b.Height) - MathF.Max(a.Y, b.Y);
        if (width <= 0 || height <= 0)
            return 0;
        float intersection = width * height;
        return intersection / (a.Area + b.Area - intersection);
    }
}

using FaceSearch.Vision;

namespace FaceSearch.VisionBench;

/// <summary>How LFW's faces are distributed over each quality measure: the ground on which the default policy stands.</summary>
internal static class QualityReport
{
    private static readonly double[] Percentiles = [0.1, 1, 5, 50, 95, 99, 99.9];

    public static void Run(LfwSet lfw, int threads)
    {
        string[] files = lfw.Images();
        using var decoder = new ImageDecoder();
        using var detector = new YuNetDetector(lfw.Detector());
        using var pipeline = new FacePipeline(decoder, detector, lfw.Embedder(mirror: false).Manifest);
        var faces = new FaceCandidate?[files.Length];
        Parallel.For(0, files.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
            faces[i] = pipeline.Analyse(File.ReadAllBytes(files[i])).MostCentral);
        FaceCandidate[] found = [.. faces.OfType<FaceCandidate>()];

        Console.WriteLine($"{files.Length} images, {found.Length} with a face; percentiles of the most central one");
        Console.WriteLine($"{"",-16}" + string.Concat(Percentiles.Select(p => $"{p,9:0.#} %")));
        Row("detector score", f => f.Score);
        Row("face size", f => f.Quality.FaceSize);
        Row("sharpness", f => f.Quality.Sharpness);
        Row("yaw", f => f.Quality.Yaw);
        Row("pitch", f => f.Quality.Pitch);
        Row("roll", f => f.Quality.Roll);
        Row("overall", f => f.Quality.Overall);
        foreach (IGrouping<QualityRejection, FaceCandidate> reason in found.SelectMany(f => f.Rejections.Select(r => (r, f))).GroupBy(x => x.r, x => x.f))
            Console.WriteLine($"rejected by the default policy: {reason.Key.ToCode()} {reason.Count()}");

        void Row(string name, Func<FaceCandidate, float> measure)
        {
            float[] values = [.. found.Select(measure).Order()];
            Console.WriteLine($"{name,-16}" + string.Concat(Percentiles.Select(p => $"{values[(int)(p / 100 * (values.Length - 1))],11:0.000}")));
        }
    }
}

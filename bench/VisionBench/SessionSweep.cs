using System.Diagnostics;
using FaceSearch.Vision;

namespace FaceSearch.VisionBench;

/// <summary>Which split of the cores is best: threads inside a run, or concurrent runs of one thread each.</summary>
internal static class SessionSweep
{
    public static void Run(ModelStore store)
    {
        int cores = Environment.ProcessorCount;
        InstalledModel model = store.Find(ModelKind.Embedder)!;
        var plain = model with { Manifest = model.Manifest with { MirrorAndSum = false } };
        AlignedFace crop = Noise(model.Manifest.Input.Width);
        Console.WriteLine("embedder, crops/s (no mirror), median of 5");
        Console.WriteLine("intra-op  callers  batch   crops/s");
        foreach ((int intra, int callers) in (ReadOnlySpan<(int, int)>)[(1, 1), (1, cores), (cores, 1), (cores, cores)])
        {
            using var embedder = new OnnxFaceEmbedder(plain, new InferenceOptions { IntraOpThreads = intra, MaxCropsPerRun = 32 });
            foreach (int batch in (int[])[1, 2, 4, 8, 16, 32])
                Console.WriteLine($"{intra,8}  {callers,7}  {batch,5}  {Rate(callers, batch, () => Embed(embedder, crop, batch)),8:0.0}");
        }
        Console.WriteLine("detector, pictures/s, median of 5");
        Console.WriteLine("intra-op  callers   side  pictures/s");
        foreach ((int intra, int callers) in (ReadOnlySpan<(int, int)>)[(1, 1), (1, cores), (cores, 1), (cores, cores)])
        {
            using var detector = new YuNetDetector(store.Find(ModelKind.Detector)!, inference: new InferenceOptions { IntraOpThreads = intra });
            foreach (int side in (int[])[250, 640, 1024])
            {
                using DecodedImage picture = DecodedImage.FromRgb(new byte[side * side * 3], side, side);
                Console.WriteLine($"{intra,8}  {callers,7}  {side,5}  {Rate(callers, 1, () => detector.Detect(picture)),8:0.0}");
            }
        }
    }

    private static void Embed(OnnxFaceEmbedder embedder, AlignedFace crop, int batch) =>
        embedder.Embed([.. Enumerable.Repeat(crop, batch)], new float[batch * embedder.Manifest.Dimension]);

    private static AlignedFace Noise(int size)
    {
        byte[] rgb = new byte[size * size * 3];
        new Random(3).NextBytes(rgb);
        return new AlignedFace(size, rgb);
    }

    /// <summary>Items per second: each caller repeats the call for about 0.3 s, five times.</summary>
    private static double Rate(int callers, int items, Action call)
    {
        call();
        double[] rates = [.. Enumerable.Range(0, 5).Select(_ => Round(callers, items, call)).Order()];
        return rates[2];
    }

    private static double Round(int callers, int items, Action call)
    {
        long done = 0, start = Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, callers).Select(_ => new Thread(() =>
        {
            while (Stopwatch.GetElapsedTime(start).TotalSeconds < 0.3)
            {
                call();
                Interlocked.Add(ref done, items);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        return done / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}

using System.Diagnostics;
using FaceSearch.Vision;

namespace FaceSearch.VisionBench;

/// <summary>
/// The whole pipeline (read bytes from memory, decode, detect, align, assess, embed) beside a bare loop of the same
/// number of Run calls on the same two models, inputs prepared beforehand. Rounds are short and
/// interleaved because the machine may be shared: read the ratios.
/// </summary>
internal static class RateBenchmark
{
    public static void Run(LfwSet lfw, int threads, int imageCount, int rounds, int batch, bool mirror)
    {
        string[] files = lfw.Images();
        int step = Math.Max(1, files.Length / imageCount);
        byte[][] images = [.. files.Where((_, i) => i % step == 0).Take(imageCount).Select(File.ReadAllBytes)];
        InstalledModel embedderModel = lfw.Embedder(mirror), detectorModel = lfw.Detector();

        using var decoder = new ImageDecoder();
        using var detector = new YuNetDetector(detectorModel);
        using var embedder = new OnnxFaceEmbedder(embedderModel);
        using var bare = new BareLoop(detectorModel, embedderModel, mirror ? 2 * batch : batch);
        using var pipeline = new FacePipeline(decoder, detector, embedderModel.Manifest);

        Action<int, int> whole = (from, to) => Whole(pipeline, embedder, images, from, to, batch);
        Action<int, int> loop = (from, to) => bare.Run(from, to, batch);
        Measure(threads, images.Length, whole);
        Measure(threads, images.Length, loop);

        Console.WriteLine($"{images.Length} images a round, {rounds} rounds, {threads} threads, batch {batch}, mirror-and-sum {(mirror ? "on" : "off")}");
        var bareRuns = new (double Wall, double Cpu)[rounds];
        var wholeRuns = new (double Wall, double Cpu)[rounds];
        for (int i = 0; i < rounds; i++)
        {
            // Either may come first, so that neither always profits from what the other left in the caches.
            if (i % 2 == 0)
                bareRuns[i] = Measure(threads, images.Length, loop);
            wholeRuns[i] = Measure(threads, images.Length, whole);
            if (i % 2 == 1)
                bareRuns[i] = Measure(threads, images.Length, loop);
        }
        Console.WriteLine("                     bare loop   pipeline   ratio");
        Report("images/s, wall", bareRuns, wholeRuns, r => images.Length / r.Wall);
        Report("images/s of CPU time", bareRuns, wholeRuns, r => images.Length / r.Cpu);
    }

    private static void Report(string what, (double Wall, double Cpu)[] bare, (double Wall, double Cpu)[] whole, Func<(double Wall, double Cpu), double> rate)
    {
        double ratio = Median([.. whole.Zip(bare, (w, b) => rate(w) / rate(b))]);
        Console.WriteLine($"{what,-20} {Median([.. bare.Select(rate)]),9:0.0}  {Median([.. whole.Select(rate)]),9:0.0}  {ratio,6:0.000}");
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }

    private static void Whole(FacePipeline pipeline, OnnxFaceEmbedder embedder, byte[][] images, int from, int to, int batch)
    {
        List<AlignedFace> crops = new(batch);
        float[] embeddings = new float[batch * embedder.Manifest.Dimension];
        for (int i = from; i < to; i++)
        {
            if (pipeline.Analyse(images[i]).MostCentral is { } face)
                crops.Add(face.Crop);
            if (crops.Count == batch || (i == to - 1 && crops.Count > 0))
            {
                embedder.Embed(crops, embeddings.AsSpan(0, crops.Count * embedder.Manifest.Dimension));
                crops.Clear();
            }
        }
    }

    /// <summary>Seconds on the clock and seconds of processor time; the latter is what a shared machine leaves comparable.</summary>
    private static (double Wall, double Cpu) Measure(int threads, int count, Action<int, int> work)
    {
        using var process = Process.GetCurrentProcess();
        TimeSpan cpu = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(t => new Thread(() => work(count * t / threads, count * (t + 1) / threads)))];
        foreach (Thread worker in workers)
            worker.Start();
        foreach (Thread worker in workers)
            worker.Join();
        double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        process.Refresh();
        return (wall, (process.TotalProcessorTime - cpu).TotalSeconds);
    }
}

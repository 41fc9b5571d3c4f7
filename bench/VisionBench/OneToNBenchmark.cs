using System.Diagnostics;
using System.Numerics.Tensors;
using FaceSearch.Vision;

namespace FaceSearch.VisionBench;

/// <summary>
/// Closed-set 1:N on LFW: gallery = the _0001 image of each person, probes = every other image, most central face.
/// FPIR counts, for every probe, its best score among the *other* identities; TPIR counts probes whose own identity
/// is first and above the threshold.
/// </summary>
internal static class OneToNBenchmark
{
    private static readonly double[] Fmrs = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

    public static void Run(LfwSet lfw, int threads)
    {
        string[] files = lfw.Images();
        long start = Stopwatch.GetTimestamp();
        AlignedFace?[] crops = Crops(lfw, files, threads);
        Console.WriteLine($"{files.Length} images, {crops.Count(c => c is null)} without a face, {files.Length / Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} images/s (decode, detect, align)");
        foreach (bool mirror in (bool[])[false, true])
        {
            using var embedder = new OnnxFaceEmbedder(lfw.Embedder(mirror));
            Report(files, Embed(embedder, crops, threads), embedder.Manifest, crops);
        }
    }

    private static AlignedFace?[] Crops(LfwSet lfw, string[] files, int threads)
    {
        using var decoder = new ImageDecoder();
        using var detector = new YuNetDetector(lfw.Detector());
        using var pipeline = new FacePipeline(decoder, detector, lfw.Embedder(mirror: false).Manifest);
        var crops = new AlignedFace?[files.Length];
        int rejected = 0;
        Parallel.For(0, files.Length, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
        {
            FaceCandidate? face = pipeline.Analyse(File.ReadAllBytes(files[i])).MostCentral;
            crops[i] = face?.Crop;
            if (face is { Rejections.Count: > 0 })
                Interlocked.Increment(ref rejected);
        });
        Console.WriteLine($"{rejected} faces would be rejected for their quality by the default policy (they are kept here)");
        return crops;
    }

    private static float[] Embed(OnnxFaceEmbedder embedder, AlignedFace?[] crops, int threads)
    {
        const int batch = 4;
        int d = embedder.Manifest.Dimension;
        float[] all = new float[crops.Length * d];
        Parallel.For(0, (crops.Length + batch - 1) / batch, new ParallelOptions { MaxDegreeOfParallelism = threads }, b =>
        {
            int[] rows = [.. Enumerable.Range(b * batch, Math.Min(batch, crops.Length - b * batch)).Where(i => crops[i] is not null)];
            float[] embeddings = new float[rows.Length * d];
            embedder.Embed([.. rows.Select(i => crops[i]!)], embeddings);
            for (int i = 0; i < rows.Length; i++)
                embeddings.AsSpan(i * d, d).CopyTo(all.AsSpan(rows[i] * d, d));
        });
        return all;
    }

    private static void Report(string[] files, float[] embeddings, ModelManifest manifest, AlignedFace?[] crops)
    {
        int[] usable = [.. Enumerable.Range(0, files.Length).Where(i => crops[i] is not null)];
        int[] gallery = [.. usable.Where(i => files[i].EndsWith("_0001.jpg", StringComparison.Ordinal))];
        int[] probes = [.. usable.Where(i => !files[i].EndsWith("_0001.jpg", StringComparison.Ordinal))];
        (float Own, float BestOther, int Rank)[] results = [.. probes.AsParallel().AsOrdered().Select(p => Search(files, embeddings, manifest.Dimension, gallery, p))];

        Console.WriteLine($"mirror-and-sum {(manifest.MirrorAndSum ? "on" : "off")}: gallery {gallery.Length}, probes {probes.Length}, fingerprint {manifest.Fingerprint}");
        Console.WriteLine($"  rank-1 {results.Average(r => r.Rank <= 1 ? 100.0 : 0):0.00} %   rank-5 {results.Average(r => r.Rank <= 5 ? 100.0 : 0):0.00} %");
        float[] impostors = [.. results.Select(r => r.BestOther).OrderDescending()];
        foreach (double fpir in (double[])[0.1, 0.01])
        {
            float threshold = impostors[(int)(fpir * impostors.Length)];
            Console.WriteLine($"  TPIR@FPIR {fpir:0%} {results.Average(r => r.Rank == 1 && r.Own > threshold ? 100.0 : 0):0.00} % (score {threshold:0.000})");
        }
        OperatingPoints(embeddings, manifest.Dimension, gallery);
    }

    private static (float Own, float BestOther, int Rank) Search(string[] files, float[] embeddings, int d, int[] gallery, int probe)
    {
        string person = LfwSet.PersonOf(files[probe]);
        ReadOnlySpan<float> query = embeddings.AsSpan(probe * d, d);
        float[] scores = new float[gallery.Length];
        int own = -1;
        for (int i = 0; i < gallery.Length; i++)
        {
            scores[i] = TensorPrimitives.Dot(query, embeddings.AsSpan(gallery[i] * d, d));
            if (LfwSet.PersonOf(files[gallery[i]]) == person)
                own = i;
        }
        float ownScore = own < 0 ? float.NegativeInfinity : scores[own], best = float.NegativeInfinity;
        int above = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            if (i == own)
                continue;
            best = MathF.Max(best, scores[i]);
            if (scores[i] >= ownScore)
                above++;
        }
        return (ownScore, best, above + 1);
    }

    /// <summary>Scores of every pair of two people's first images.</summary>
    private static void OperatingPoints(float[] embeddings, int d, int[] gallery)
    {
        float[] scores = new float[(long)gallery.Length * (gallery.Length - 1) / 2];
        int at = 0;
        for (int i = 0; i < gallery.Length; i++)
        {
            ReadOnlySpan<float> a = embeddings.AsSpan(gallery[i] * d, d);
            for (int j = 0; j < i; j++)
                scores[at++] = TensorPrimitives.Dot(a, embeddings.AsSpan(gallery[j] * d, d));
        }
        Array.Sort(scores);
        Console.WriteLine($"  impostor pairs {scores.Length:N0}: " + string.Join(", ", Fmrs
            .Select(fmr => $"FMR {fmr:0e0} at {scores[^(1 + (int)(fmr * scores.Length))]:0.0000}")));
    }
}

namespace FaceSearch.Vision.Tests;

/// <summary>One decoder, detector and embedder on the real models, shared by every test of the assembly.</summary>
public sealed class RealModels : IDisposable
{
    public RealModels()
    {
        var store = new ModelStore(SharedData.Models);
        Detector = new YuNetDetector(store.Find(ModelKind.Detector)!);
        InstalledModel model = store.Find(ModelKind.Embedder)!;
        Embedder = new OnnxFaceEmbedder(model);
        PlainEmbedder = new OnnxFaceEmbedder(model with { Manifest = model.Manifest with { MirrorAndSum = false } });
        Pipeline = new FacePipeline(Decoder, Detector, model.Manifest);
    }

    /// <summary>Patient, because a test machine may be very busy; its limits are tested elsewhere.</summary>
    public ImageDecoder Decoder { get; } = new(new ImageLimits { DecodeTimeout = TimeSpan.FromMinutes(2), QueueTimeout = TimeSpan.FromMinutes(2) });

    public YuNetDetector Detector { get; }

    /// <summary>Mirror and sum, as the catalogue says.</summary>
    public OnnxFaceEmbedder Embedder { get; }

    /// <summary>The same model without the mirrored pass.</summary>
    public OnnxFaceEmbedder PlainEmbedder { get; }

    public FacePipeline Pipeline { get; }

    public static float[] Embed(IFaceEmbedder embedder, params AlignedFace[] crops)
    {
        float[] embeddings = new float[crops.Length * embedder.Manifest.Dimension];
        embedder.Embed(crops, embeddings);
        return embeddings;
    }

    public static float Cosine(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float dot = 0;
        for (int i = 0; i < a.Length; i++)
            dot += a[i] * b[i];
        return dot;
    }

    public void Dispose()
    {
        Pipeline.Dispose();
        Detector.Dispose();
        Embedder.Dispose();
        PlainEmbedder.Dispose();
        Decoder.Dispose();
    }
}

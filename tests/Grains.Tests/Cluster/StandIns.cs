using FaceSearch.Vision;

namespace FaceSearch.Grains.Tests.Cluster;

/// <summary>The machine's clock, shifted: what is due comes when the test says so, while timers go on as they are.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    public TimeSpan Shift { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;

    /// <summary>Sets the clock to a moment; it goes on from there.</summary>
    public void Set(DateTimeOffset moment) => Shift = moment - System.GetUtcNow();

    public void Advance(TimeSpan by) => Shift += by;
}

/// <summary>A network of a test's own: any function of the crop.</summary>
internal sealed class StandInEmbedder(string name, Func<AlignedFace, Embedding> embed) : IFaceEmbedder
{
    public ModelManifest Manifest { get; } = new()
    {
        Name = name,
        Kind = ModelKind.Embedder,
        File = name + ".onnx",
        Bytes = 1,
        Sha256 = new string('0', 64),
        Licence = "none",
        Input = new ModelInput { Name = "input", Width = 16, Height = 16 },
        Output = "output",
        Dimension = Embedding.Dimension,
    };

    public ExecutionProvider Provider => ExecutionProvider.Cpu;

    public void Embed(IReadOnlyList<AlignedFace> batch, Span<float> unitEmbeddings)
    {
        for (int i = 0; i < batch.Count; i++)
            embed(batch[i]).Values.CopyTo(unitEmbeddings[(i * Embedding.Dimension)..]);
    }

    public void Dispose()
    {
    }
}

namespace FaceSearch.Vision;

/// <summary>Turns aligned crops into unit vectors. Implementations are thread-safe.</summary>
public interface IFaceEmbedder : IDisposable
{
    /// <summary>The model's manifest (dimension, input size, template, licence, fingerprint).</summary>
    ModelManifest Manifest { get; }

    /// <summary>The provider the session really runs on.</summary>
    ExecutionProvider Provider { get; }

    /// <summary>Embeds a batch in one run (mirror images included, when the manifest asks for them).</summary>
    /// <param name="batch">n crops of the manifest's input size.</param>
    /// <param name="unitEmbeddings">n x dimension floats, row by row; each row gets unit L2 length.</param>
    /// <exception cref="ArgumentException">A crop has another size, or the span is not n x dimension long.</exception>
    void Embed(IReadOnlyList<AlignedFace> batch, Span<float> unitEmbeddings);
}

/// <summary>An embedder described by a <see cref="ModelManifest"/> and run by ONNX Runtime.</summary>
public sealed class OnnxFaceEmbedder : IFaceEmbedder
{
    /// <exception cref="ExecutionProviderUnavailableException">CUDA was demanded and is missing.</exception>
    /// <exception cref="ModelException">The file does not fit its manifest.</exception>
    public OnnxFaceEmbedder(InstalledModel model, InferenceOptions? options = null) => throw new NotImplementedException();

    /// <inheritdoc/>
    public ModelManifest Manifest => throw new NotImplementedException();

    /// <inheritdoc/>
    public ExecutionProvider Provider => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Embed(IReadOnlyList<AlignedFace> batch, Span<float> unitEmbeddings) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}

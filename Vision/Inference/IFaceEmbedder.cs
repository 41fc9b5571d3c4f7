namespace FaceSearch.Vision;

/// <summary>Turns aligned crops into unit vectors. Implementations are thread-safe.</summary>
public interface IFaceEmbedder : IDisposable
{
    /// <summary>The model's manifest (dimension, input size, template, licence, fingerprint).</summary>
    ModelManifest Manifest { get; }

    /// <summary>The provider the session really runs on.</summary>
    ExecutionProvider Provider { get; }

    /// <summary>Embeds a batch (a crop and its mirror image in the same run, when the manifest asks for both).</summary>
    /// <param name="batch">n crops of the manifest's input size.</param>
    /// <param name="unitEmbeddings">n x dimension floats, row by row; each row gets unit L2 length.</param>
    /// <exception cref="ArgumentException">A crop has another size, or the span is not n x dimension long.</exception>
    void Embed(IReadOnlyList<AlignedFace> batch, Span<float> unitEmbeddings);
}

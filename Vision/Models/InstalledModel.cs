using System.Security.Cryptography;
using FaceSearch.Vision.Onnx;

namespace FaceSearch.Vision;

/// <summary>A model that lies in a store.</summary>
/// <param name="Path">Full path of the .onnx file.</param>
public sealed record InstalledModel(ModelManifest Manifest, string Path)
{
    /// <summary>The model's bytes, verified against the manifest's digest, with a free batch dimension.</summary>
    /// <exception cref="ModelException">The file is missing or altered.</exception>
    public byte[] Load()
    {
        byte[] bytes = ReadVerified();
        return Manifest.Kind == ModelKind.Embedder ? BatchDimension.Free(bytes) : bytes;
    }

    /// <summary>The file's bytes as they lie there, verified against the manifest's digest.</summary>
    /// <exception cref="ModelException">The file is missing or altered.</exception>
    internal byte[] ReadVerified()
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"Model file '{Path}' cannot be read: {e.Message}", e);
        }
        string digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        if (bytes.Length != Manifest.Bytes || digest != Manifest.Sha256)
            throw new ModelException($"Model file '{Path}' is not what its manifest describes: expected {Manifest.Bytes:N0} bytes with SHA-256 {Manifest.Sha256}, got {bytes.Length:N0} with {digest}. Pull or import the model again.");
        return bytes;
    }
}

using System.Security.Cryptography;
using FaceSearch.Vision.Onnx;

namespace FaceSearch.Vision;

/// <summary>Writes a verified model into a store folder.</summary>
internal static class ModelInstaller
{
    /// <summary>
    /// Frees the batch dimension (and proves that nothing else changed), then writes the model and, last, its
    /// manifest: each to a temporary file that is flushed and renamed, so a crash leaves the old model or the new one.
    /// </summary>
    /// <exception cref="ModelException">Freeing the batch dimension changed the model's outputs, or the folder cannot be written.</exception>
    public static InstalledModel Install(string folder, byte[] bytes, ModelManifest manifest)
    {
        byte[] installed = manifest.Kind == ModelKind.Embedder ? BatchDimension.Free(bytes) : bytes;
        if (!ReferenceEquals(installed, bytes))
            BatchEquality.Prove(bytes, installed, manifest);
        ModelManifest final = manifest with
        {
            File = manifest.Name + ".onnx",
            Bytes = installed.Length,
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(installed)),
            Source = manifest.Source ?? new ModelSource("local", "", manifest.File, new Uri("about:blank"), manifest.Bytes, manifest.Sha256),
        };
        try
        {
            Directory.CreateDirectory(folder);
            WriteAtomically(Path.Combine(folder, final.File), installed);
            WriteAtomically(Path.Combine(folder, final.Name + ".json"), System.Text.Encoding.UTF8.GetBytes(final.ToJson()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException($"The model folder '{folder}' cannot be written: {e.Message}", e);
        }
        return new InstalledModel(final, Path.Combine(folder, final.File));
    }

    private static void WriteAtomically(string path, byte[] bytes)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                stream.Write(bytes);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}

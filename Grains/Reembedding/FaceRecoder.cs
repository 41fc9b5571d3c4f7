using FaceSearch.Grains.Clustering;
using FaceSearch.Grains.Embedders;
using FaceSearch.Storage;
using FaceSearch.Vision;

namespace FaceSearch.Grains.Reembedding;

/// <summary>What became of some templates.</summary>
internal sealed record Recoded(Dictionary<TemplateId, Embedding> Vectors, List<TemplateId> WithoutImage, List<TemplateId> Failed);

/// <summary>
/// Embeds retained faces with another model, in a session of its own and on a thread that gives way to everything else, so that live
/// requests neither wait in its batches nor share its turn.
/// </summary>
internal sealed class FaceRecoder(string gallery, IFaceEmbedder embedder, EmbedderPool pool, ICropStore crops, int batch) : IDisposable
{
    public async Task<Recoded> RunAsync(IReadOnlyList<TemplateId> templates, CancellationToken cancellation)
    {
        Recoded result = new([], [], []);
        if (templates.Count == 0)
            return result;
        RetainedImages read = await crops.ReadAsync(gallery, templates, ImageKind.Crop, cancellation);
        result.Failed.AddRange(read.Damaged);
        result.WithoutImage.AddRange(templates.Except(read.Images.Select(i => i.Template)).Except(read.Damaged));
        List<(TemplateId Template, AlignedFace Face)> faces = [];
        foreach (RetainedImage image in read.Images)
        {
            if (RetainedCrop.TryRead(image.Bytes) is not { } retained)
            {
                result.Failed.Add(image.Template);
                continue;
            }
            FaceCrop fitted = CropFitter.Fit(retained.Crop, await pool.ManifestAsync(retained.Model), embedder.Manifest);
            faces.Add((image.Template, new AlignedFace(fitted.Size, fitted.Rgb)));
        }
        await LowPriority.RunAsync($"reembed-{gallery}", () => Embed(faces, result, cancellation));
        cancellation.ThrowIfCancellationRequested();
        return result;
    }

    public void Dispose() => embedder.Dispose();

    private void Embed(List<(TemplateId Template, AlignedFace Face)> faces, Recoded result, CancellationToken cancellation)
    {
        for (int from = 0; from < faces.Count && !cancellation.IsCancellationRequested; from += batch)
        {
            List<(TemplateId Template, AlignedFace Face)> some = faces.GetRange(from, Math.Min(batch, faces.Count - from));
            if (!TryEmbed(some, result))
            {
                // One face that the network does not take must not cost the others of its batch.
                foreach ((TemplateId Template, AlignedFace Face) one in some)
                {
                    if (!TryEmbed([one], result))
                        result.Failed.Add(one.Template);
                }
            }
        }
    }

    private bool TryEmbed(List<(TemplateId Template, AlignedFace Face)> faces, Recoded result)
    {
        float[] output = new float[faces.Count * Embedding.Dimension];
        try
        {
            embedder.Embed([.. faces.Select(f => f.Face)], output);
            for (int i = 0; i < faces.Count; i++)
                result.Vectors[faces[i].Template] = Embedding.Normalise(output.AsSpan(i * Embedding.Dimension, Embedding.Dimension));
            return true;
        }
#pragma warning disable CA1031 // whatever the network throws counts against these faces
        catch (Exception)
#pragma warning restore CA1031
        {
            return false;
        }
    }
}

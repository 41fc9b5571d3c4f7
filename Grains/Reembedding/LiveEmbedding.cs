using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Galleries;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Reembedding;

/// <summary>Embeds a retained face now, with the models of two generations, on the way that live requests take.</summary>
internal sealed class LiveEmbedding(IGrainFactory grains, CropFitter fitter)
{
    /// <summary>Null where there is no image, or a model does not take it.</summary>
    public async Task<(Embedding Old, Embedding New)?> EmbedAsync(ICropStore crops, GalleryView view, GalleryView next, TemplateId template, CancellationToken cancellation)
    {
        RetainedImages read = await crops.ReadAsync(view.Gallery, [template], ImageKind.Crop, cancellation);
        if (read.Images.Count == 0 || RetainedCrop.TryRead(read.Images[0].Bytes) is not { } retained)
            return null;
        return await EmbedAsync(retained, view.Model, cancellation) is { } old && await EmbedAsync(retained, next.Model, cancellation) is { } now ? (old, now) : null;
    }

    private async Task<Embedding?> EmbedAsync((FaceCrop Crop, string Model) retained, string model, CancellationToken cancellation)
    {
        try
        {
            FaceCrop[] fitted = [await fitter.FitAsync(retained.Crop, retained.Model, model)];
            return (await grains.GetGrain<IEmbedderGrain>(model).EmbedAsync(fitted, cancellationToken: cancellation))[0];
        }
        catch (FaceSearchException)
        {
            return null;
        }
    }
}

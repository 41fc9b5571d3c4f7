using FaceSearch.Vision;

namespace FaceSearch.Grains.Embedders;

/// <summary>
/// Makes a face that was aligned for one model fit another. Where eyes, nose and mouth are in it is known from the first model's
/// manifest, so the second alignment needs no detector.
/// </summary>
public sealed class CropFitter(EmbedderPool pool)
{
    /// <summary>The same crop where both models align alike, or where the first one's manifest is not installed any more.</summary>
    public async ValueTask<FaceCrop> FitAsync(FaceCrop crop, string from, string to)
    {
        if (from == to || await pool.ManifestAsync(to) is not { } wanted)
            return crop;
        return Fit(crop, await pool.ManifestAsync(from), wanted);
    }

    internal static FaceCrop Fit(FaceCrop crop, ModelManifest? from, ModelManifest to)
    {
        int size = to.Input.Width;
        bool alike = from is null || (from.AlignmentTemplate, to.AlignmentTemplate) switch
        {
            (null, null) => true,
            ({ } a, { } b) => a.SequenceEqual(b),
            _ => false,
        };
        if (crop.Size == size && alike)
            return crop;
        using DecodedImage image = DecodedImage.FromRgb(crop.Rgb, crop.Size, crop.Size);
        AlignedFace fitted = from?.AlignmentTemplate is { } there && to.AlignmentTemplate is { } here
            ? FaceAligner.Align(image, new FaceLandmarks(there[0], there[1], there[2], there[3], there[4]), here, size)
            : FaceAligner.CentreCrop(image, size);
        return new FaceCrop(fitted.Size, fitted.Rgb);
    }
}

namespace FaceSearch.Vision;

/// <summary>Cuts faces out of pictures.</summary>
public static class FaceAligner
{
    /// <summary>
    /// Maps five landmarks to the template by the least-squares similarity transform (rotation, one scale,
    /// translation); bilinear, black outside the picture. A face much larger than the crop is first halved as often
    /// as needed, so that sampling does not alias.
    /// </summary>
    /// <param name="image">The decoded picture.</param>
    /// <param name="landmarks">In original-picture pixels.</param>
    /// <param name="template">Five positions in the crop: eye, eye, nose, mouth, mouth.</param>
    /// <param name="size">Side of the crop in pixels.</param>
    /// <exception cref="ArgumentException">The template does not have five points.</exception>
    public static AlignedFace Align(DecodedImage image, in FaceLandmarks landmarks, IReadOnlyList<ImagePoint> template, int size)
    {
        if (template.Count != 5)
            throw new ArgumentException($"An alignment template has five points, got {template.Count}.", nameof(template));
        Span<ImagePoint> from = stackalloc ImagePoint[5];
        landmarks.Scaled(image.ScaleX, image.ScaleY).CopyTo(from);
        Span<ImagePoint> to = stackalloc ImagePoint[5];
        for (int i = 0; i < 5; i++)
            to[i] = template[i];

        SimilarityTransform cropToImage = SimilarityTransform.Fit(to, from);
        return new AlignedFace(size, Warp(image, cropToImage, size));
    }

    /// <summary>FaceNet's fixed centre crop: the central square of the picture, resized to the crop's side.</summary>
    public static AlignedFace CentreCrop(DecodedImage image, int size) =>
        SquareCrop(image, image.Width / 2f, image.Height / 2f, Math.Min(image.Width, image.Height), size);

    /// <summary>The square around a detected box, for an embedder that wants no landmarks; black outside the picture.</summary>
    /// <param name="box">In original-picture pixels.</param>
    public static AlignedFace BoxCrop(DecodedImage image, in FaceBox box, int size) => SquareCrop(
        image, box.Centre.X * image.ScaleX, box.Centre.Y * image.ScaleY,
        Math.Max(1, Math.Max(box.Width * image.ScaleX, box.Height * image.ScaleY)), size);

    private static AlignedFace SquareCrop(DecodedImage image, float centreX, float centreY, float side, int size)
    {
        float scale = side / size;
        // Pixel centres map to pixel centres: the crop's (0, 0) is the centre of its first source cell.
        float offset = (scale - 1) / 2;
        var cropToImage = new SimilarityTransform(scale, 0, centreX - side / 2 + offset, centreY - side / 2 + offset);
        return new AlignedFace(size, Warp(image, cropToImage, size));
    }

    private static byte[] Warp(DecodedImage image, SimilarityTransform cropToImage, int size)
    {
        byte[] crop = new byte[size * size * 3];
        if (cropToImage.Scale < 2)
        {
            BilinearSampler.Warp(image.Pixels, image.Width, image.Height, cropToImage, crop, size);
            return crop;
        }
        using HalvedRegion region = HalvedRegion.Create(image, cropToImage, size);
        BilinearSampler.Warp(region.Pixels, region.Width, region.Height, region.Adapt(cropToImage), crop, size);
        return crop;
    }
}

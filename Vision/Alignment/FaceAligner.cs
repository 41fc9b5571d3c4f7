namespace FaceSearch.Vision;

/// <summary>Cuts faces out of pictures.</summary>
public static class FaceAligner
{
    /// <summary>
    /// Maps five landmarks (original-picture coordinates) to the template by the least-squares similarity transform;
    /// bilinear, black outside the picture.
    /// </summary>
    public static AlignedFace Align(DecodedImage image, in FaceLandmarks landmarks, IReadOnlyList<ImagePoint> template, int size) => throw new NotImplementedException();

    /// <summary>FaceNet's fixed centre crop: the central square of the picture, resized.</summary>
    public static AlignedFace CentreCrop(DecodedImage image, int size) => throw new NotImplementedException();
}

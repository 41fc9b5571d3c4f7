namespace FaceSearch.Vision;

/// <summary>Measured quality of one face.</summary>
/// <param name="Overall">0..1, the weakest of the component scores.</param>
/// <param name="Sharpness">Variance of the Laplacian of the aligned grey crop (0..255 levels squared); higher = sharper.</param>
/// <param name="FaceSize">Shorter side of the face box in original pixels.</param>
/// <param name="Yaw">Degrees, positive when the nose points to the image's right.</param>
/// <param name="Pitch">Degrees, positive when the face looks down.</param>
/// <param name="Roll">Degrees in the image plane, positive clockwise.</param>
/// <param name="DetectorScore">0..1; 1 for a thumbnail without a detector.</param>
public sealed record FaceQuality(
    float Overall, float Sharpness, float FaceSize, float Yaw, float Pitch, float Roll, float DetectorScore);

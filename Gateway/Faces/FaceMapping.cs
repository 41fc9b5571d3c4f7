using FaceSearch.Http;
using FaceSearch.Vision;

namespace FaceSearch.Gateway.Faces;

/// <summary>Vision's words in the API's words.</summary>
internal static class FaceMapping
{
    public static Face ToFace(this FaceCandidate face) => new(
        new Box(face.Box.X, face.Box.Y, face.Box.Width, face.Box.Height),
        face.Landmarks is { } l ? [ToPoint(l.LeftEye), ToPoint(l.RightEye), ToPoint(l.Nose), ToPoint(l.LeftMouth), ToPoint(l.RightMouth)] : null,
        face.Score,
        face.Quality.ToTemplateQuality(),
        [.. face.Rejections.Select(r => r.ToCode())]);

    public static TemplateQuality ToTemplateQuality(this FaceQuality q) => new(q.Overall, q.Sharpness, q.FaceSize, q.Yaw, q.DetectorScore);

    /// <summary>The sentence behind a warning code.</summary>
    public static string Warning(string code) => code == VisionWarnings.NoDetectorInstalled
        ? "No face detector is installed: the image was taken as a thumbnail of one face. Run `facesearch models pull` to get one."
        : code;

    private static Point ToPoint(ImagePoint p) => new(p.X, p.Y);
}

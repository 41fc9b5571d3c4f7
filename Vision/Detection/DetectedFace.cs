namespace FaceSearch.Vision;

/// <summary>A point in pixels; x grows right, y grows down.</summary>
public readonly record struct ImagePoint(float X, float Y);

/// <summary>An axis-aligned box in pixels of the original picture (after EXIF orientation).</summary>
public readonly record struct FaceBox(float X, float Y, float Width, float Height)
{
    /// <summary>The box's centre.</summary>
    public ImagePoint Centre => new(X + Width / 2, Y + Height / 2);

    /// <summary>Area in square pixels.</summary>
    public float Area => Width * Height;
}

/// <summary>
/// Five landmarks in pixels; "left" is the image's left, so <see cref="LeftEye"/> is the subject's right eye in an
/// unmirrored frontal picture.
/// </summary>
public readonly record struct FaceLandmarks(
    ImagePoint LeftEye, ImagePoint RightEye, ImagePoint Nose, ImagePoint LeftMouth, ImagePoint RightMouth)
{
    /// <summary>Every point scaled.</summary>
    public FaceLandmarks Scaled(float x, float y) => new(
        new(LeftEye.X * x, LeftEye.Y * y), new(RightEye.X * x, RightEye.Y * y), new(Nose.X * x, Nose.Y * y),
        new(LeftMouth.X * x, LeftMouth.Y * y), new(RightMouth.X * x, RightMouth.Y * y));

    /// <summary>Writes the five points in the order eye, eye, nose, mouth, mouth.</summary>
    public void CopyTo(Span<ImagePoint> points)
    {
        points[0] = LeftEye;
        points[1] = RightEye;
        points[2] = Nose;
        points[3] = LeftMouth;
        points[4] = RightMouth;
    }
}

/// <summary>One face found by a detector; coordinates are those of the original picture.</summary>
/// <param name="Score">Detector confidence, 0..1, higher = surer.</param>
public sealed record DetectedFace(FaceBox Box, float Score, FaceLandmarks Landmarks);

/// <summary>Finds faces. Implementations are thread-safe.</summary>
public interface IFaceDetector
{
    /// <summary>Faces in descending score, in original-picture coordinates.</summary>
    IReadOnlyList<DetectedFace> Detect(DecodedImage image);
}

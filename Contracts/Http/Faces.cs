using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>A box in pixels of the original image after its EXIF orientation.</summary>
public sealed record Box(float X, float Y, float Width, float Height);

/// <summary>A point in the same pixels; x grows right, y grows down.</summary>
public sealed record Point(float X, float Y);

/// <summary>A face in an image.</summary>
/// <param name="Box">Where it is.</param>
/// <param name="Landmarks">Eye, eye, nose, mouth corner, mouth corner, the image-left one first; null for an image taken as a thumbnail.</param>
/// <param name="Score">The detector's confidence, 0 to 1.</param>
/// <param name="Quality">Measured quality.</param>
/// <param name="Rejections">Why it is not good enough to be enrolled, as codes; empty when it is.</param>
public sealed record Face(Box Box, IReadOnlyList<Point>? Landmarks, float Score, TemplateQuality Quality, IReadOnlyList<string> Rejections);

/// <summary>Which face to take where an image shows several.</summary>
public enum FacePolicy
{
    /// <summary>None: the answer is a several-faces problem with their boxes. The default of enrolment.</summary>
    Reject,

    /// <summary>The one with the largest box.</summary>
    Largest,

    /// <summary>The one nearest to the image's centre.</summary>
    Central,

    /// <summary>Every one. The default of identification and of templates.</summary>
    All,
}

/// <summary>The faces of an image.</summary>
/// <param name="Width">Width of the image after its EXIF orientation, in pixels.</param>
/// <param name="Height">Height, likewise.</param>
/// <param name="Faces">Surest first.</param>
/// <param name="Warnings">Sentences, such as that no detector is installed.</param>
public sealed record DetectResponse(int Width, int Height, IReadOnlyList<Face> Faces, IReadOnlyList<string> Warnings);

/// <summary>An image as JSON.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ImageRequest
{
    /// <summary>The file's bytes, base64.</summary>
    public byte[]? Image { get; init; }
}

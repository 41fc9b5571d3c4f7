using System.Runtime.CompilerServices;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Data;

/// <summary>
/// A folder with one sub-folder per person. Each picture gives its most central face, aligned, and FaceNet's fixed
/// centre crop of the whole picture.
/// </summary>
/// <param name="folder">The folder.</param>
/// <param name="detector">Installed detector, or null: then only the centre crops are there.</param>
public sealed class FolderFaces(string folder, InstalledModel? detector) : IFaceSource
{
    /// <summary>Side of every crop in pixels; the template is MobileFaceNet's, so that all models share retained crops.</summary>
    public const int Side = 112;

    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"];

    /// <summary>Landmarks in the crop: eye, eye, nose, mouth, mouth.</summary>
    public static IReadOnlyList<ImagePoint> Template { get; } = ModelCatalogue.Find(ModelCatalogue.MobileFaceNet)!.AlignmentTemplate!;

    /// <inheritdoc/>
    public string Description => $"folder '{Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))}', {(detector is null ? "centre crops only" : $"aligned with {detector.Manifest.Name}")}";

    /// <inheritdoc/>
    public async IAsyncEnumerable<LabelledFace> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        if (!Directory.Exists(folder))
            throw new TrainingException($"There is no folder '{folder}'.");
        using var decoder = new ImageDecoder();
        using YuNetDetector? finder = detector is null ? null : new YuNetDetector(detector);
        foreach (string person in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
        {
            foreach (string file in Directory.EnumerateFiles(person).Where(f => Extensions.Contains(Path.GetExtension(f).ToLowerInvariant())).Order(StringComparer.Ordinal))
            {
                byte[] bytes = await File.ReadAllBytesAsync(file, cancellation).ConfigureAwait(false);
                if (Cut(decoder, finder, bytes) is var (aligned, thumbnail))
                    yield return new LabelledFace(Path.GetFileName(person), Path.GetFileName(file), aligned, thumbnail);
            }
        }
    }

    /// <summary>Null where the file is no picture that Vision accepts.</summary>
    private static (AlignedFace? Aligned, AlignedFace Thumbnail)? Cut(ImageDecoder decoder, YuNetDetector? finder, byte[] bytes)
    {
        try
        {
            using DecodedImage image = decoder.Decode(bytes);
            AlignedFace thumbnail = FaceAligner.CentreCrop(image, Side);
            DetectedFace? face = finder?.Detect(image).OrderBy(f => Distance(f.Box.Centre, image)).Cast<DetectedFace?>().FirstOrDefault();
            return (face is { } found ? FaceAligner.Align(image, found.Landmarks, Template, Side) : null, thumbnail);
        }
        catch (ImageRejectedException)
        {
            return null;
        }
    }

    private static float Distance(ImagePoint point, DecodedImage image)
    {
        float x = point.X - image.OriginalWidth / 2f, y = point.Y - image.OriginalHeight / 2f;
        return x * x + y * y;
    }
}

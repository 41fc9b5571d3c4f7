namespace FaceSearch.Storage;

/// <summary>What a retained image shows.</summary>
public enum ImageKind
{
    /// <summary>The aligned face that was embedded.</summary>
    Crop,

    /// <summary>The file that was uploaded.</summary>
    Original,
}

/// <summary>A retained image of a template; the store does not look into its bytes.</summary>
public sealed record RetainedImage(TemplateId Template, ImageKind Kind, byte[] Bytes)
{
    /// <summary>Never the image.</summary>
    public override string ToString() => $"RetainedImage({Template}, {Kind})";
}

/// <summary>What was read.</summary>
/// <param name="Images">Those that are there, in the order asked.</param>
/// <param name="Damaged">Templates whose stored bytes contradict their seal.</param>
public sealed record RetainedImages(IReadOnlyList<RetainedImage> Images, IReadOnlyList<TemplateId> Damaged);

/// <summary>
/// Keeps images of enrolled faces, encrypted. Each template has a key, wrapped by a key of its identity, wrapped by the store's
/// master key: destroying an identity's key makes all its images unreadable wherever a copy of their bytes may be. Images belong to
/// templates, whatever the model generation; the template log says which templates there are.
/// </summary>
public interface ICropStore
{
    /// <summary>Stores images of one identity; durable when it returns. A template that has (or had) such an image is left as it is.</summary>
    /// <exception cref="StorageFullException">No space; nothing was written.</exception>
    ValueTask PutAsync(string gallery, string identity, IReadOnlyList<RetainedImage> images, CancellationToken cancellationToken = default);

    /// <summary>Reads images of one kind; a template without one is left out.</summary>
    ValueTask<RetainedImages> ReadAsync(string gallery, IReadOnlyList<TemplateId> templates, ImageKind kind, CancellationToken cancellationToken = default);

    /// <summary>Those of the templates that have an image of the kind.</summary>
    ValueTask<IReadOnlyList<TemplateId>> HavingAsync(string gallery, IReadOnlyList<TemplateId> templates, ImageKind kind, CancellationToken cancellationToken = default);

    /// <summary>
    /// Destroys the keys of the templates (and of an identity that has none left) and deletes their images; when it returns, no file
    /// of the store can give them back. Idempotent.
    /// </summary>
    /// <returns>Images deleted.</returns>
    ValueTask<int> EraseAsync(string gallery, IReadOnlyList<TemplateId> templates, CancellationToken cancellationToken = default);

    /// <summary>Destroys all keys and images of a gallery; idempotent.</summary>
    ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default);
}

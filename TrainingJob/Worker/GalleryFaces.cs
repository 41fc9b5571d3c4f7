using System.Runtime.CompilerServices;
using FaceSearch.TrainingJob.Data;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Worker;

/// <summary>The retained faces of galleries, page by page, in a stable order.</summary>
/// <param name="grains">The cluster.</param>
/// <param name="galleries">Gallery ids.</param>
/// <param name="cohortKey">Metadata key that names cohorts; null for none.</param>
public sealed class GalleryFaces(IGrainFactory grains, IReadOnlyList<string> galleries, string? cohortKey) : IFaceSource
{
    private const int IdentitiesAPage = 32;

    /// <inheritdoc/>
    public string Description => $"retained faces of {(galleries.Count == 1 ? "gallery" : "galleries")} {string.Join(", ", galleries.Order(StringComparer.Ordinal))}";

    /// <inheritdoc/>
    public async IAsyncEnumerable<LabelledFace> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (string gallery in galleries.Order(StringComparer.Ordinal))
        {
            IRetainedFacesGrain retained = grains.GetGrain<IRetainedFacesGrain>(gallery);
            string? after = null;
            do
            {
                RetainedFacePage page = await retained.ReadAsync(after, IdentitiesAPage, cancellation).ConfigureAwait(false);
                foreach (RetainedFace face in page.Faces)
                {
                    string? cohort = cohortKey is not null && page.Metadata.TryGetValue(face.Identity, out IReadOnlyDictionary<string, string>? metadata) ? metadata.GetValueOrDefault(cohortKey) : null;
                    // The gallery is part of the name: the same id in two galleries need not be one person, and is on one side of the split anyhow.
                    yield return new LabelledFace($"{gallery}/{face.Identity}", face.Template.ToString(), new AlignedFace(face.Crop.Size, face.Crop.Rgb), null, cohort);
                }
                after = page.Next;
            }
            while (after is not null);
        }
    }
}

using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Data;

/// <summary>One picture of one person, cut out.</summary>
/// <param name="Person">The identity: a folder's name, or an identity id.</param>
/// <param name="Name">Tells the pictures of a source apart: a file name, or a template id.</param>
/// <param name="Aligned">The aligned face, 112x112 RGB, or null where no face was found or none was kept.</param>
/// <param name="Thumbnail">FaceNet's fixed centre crop of the picture, 112x112 RGB, or null where the picture was not kept.</param>
/// <param name="Cohort">Value of the cohort key in the identity's metadata, or null.</param>
public sealed record LabelledFace(string Person, string Name, AlignedFace? Aligned, AlignedFace? Thumbnail = null, string? Cohort = null);

/// <summary>
/// Where a run's faces come from: a folder of people (FolderFaces), or a gallery's retained crops. The
/// order must be the same each time, so that a killed run resumes on the same data.
/// </summary>
public interface IFaceSource
{
    /// <summary>What to write into the lineage, e.g. the folder's name; no path of this machine, no person's name.</summary>
    string Description { get; }

    /// <summary>Every face, in a stable order.</summary>
    IAsyncEnumerable<LabelledFace> ReadAsync(CancellationToken cancellation);
}

using System.Text.Json;
using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Training;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Triplets;

/// <summary>
/// What offline mining found (FaceNet, section 3.2): for faces of a subset, the faces of others that are hard negatives by the latest
/// checkpoint. Batches bring them together, and the batch's own miner then makes the triplets. Kept in the run's folder, so that a
/// resumed run goes on with the same.
/// </summary>
/// <param name="Step">Steps done when they were mined.</param>
/// <param name="Of">Negatives of each face, by the number of the training face; each once, the most chosen first.</param>
internal sealed record HardNegatives(long Step, IReadOnlyDictionary<int, int[]> Of)
{
    private const string File = "hard-negatives.json";

    /// <summary>Mines a subset.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="faces">The training faces that were embedded.</param>
    /// <param name="vectors">Their embeddings by the latest checkpoint, in the same order.</param>
    /// <param name="identities">Whose each training face is.</param>
    /// <param name="kind">Semi-hard or hard; all is taken as hard, since every negative is one.</param>
    /// <param name="margin">Alpha.</param>
    public static HardNegatives Mine(long step, int[] faces, EmbeddingMatrix vectors, int[] identities, NegativeKind kind, float margin)
    {
        using Tensor rows = tensor(vectors.Values.ToArray(), [vectors.Rows, vectors.Dimension]);
        int[] people = [.. faces.Select(f => identities[f])];
        MinedTriplets mined = OfflineMiner.Mine(rows, people, kind == NegativeKind.SemiHard ? kind : NegativeKind.Hard, margin);
        return new HardNegatives(step, mined.Triplets.GroupBy(t => faces[t.Anchor]).ToDictionary(
            anchor => anchor.Key, anchor => anchor.GroupBy(t => faces[t.Negative]).OrderByDescending(n => n.Count()).ThenBy(n => n.Key).Select(n => n.Key).ToArray()));
    }

    /// <summary>The last ones of a run, or null.</summary>
    public static HardNegatives? Read(string runFolder) =>
        Path.Combine(runFolder, File) is var path && System.IO.File.Exists(path) ? JsonSerializer.Deserialize<HardNegatives>(System.IO.File.ReadAllBytes(path)) : null;

    /// <summary>Replaces the last ones.</summary>
    public void Write(string runFolder)
    {
        string path = Path.Combine(runFolder, File);
        System.IO.File.WriteAllBytes(path + ".tmp", JsonSerializer.SerializeToUtf8Bytes(this));
        System.IO.File.Move(path + ".tmp", path, overwrite: true);
    }
}

using FaceSearch.Evaluation;

namespace FaceSearch.Evaluation.Tests;

/// <summary>Real embeddings where the machine has them; a test that needs them skips where it does not.</summary>
internal static class TestData
{
    private static readonly Lazy<LfwTemplates?> Loaded = new(() => SharedData.FolderOrNull is { } folder
        ? LfwTemplates.Read(Path.Combine(folder, "embeddings", "lfw_mobilefacenet128_f32.bin"), Path.Combine(folder, "embeddings", "lfw_mobilefacenet128_names.txt"))
        : null);

    public static LfwTemplates Lfw()
    {
        if (Loaded.Value is null) Assert.Skip("No real embeddings: set FACESEARCH_DATA or put them at ../shared/data.");
        return Loaded.Value;
    }

    public static string ProtocolPath(string file) => Path.Combine(SharedData.Folder, "protocols", "lfw", file);

    /// <summary>The impostor prior of the model behind the LFW embeddings, as its manifest would give it.</summary>
    public static ImpostorPrior MobileFaceNetPrior { get; } = new(
    [
        new(0.5, 0.0085f), new(0.1, 0.1397f), new(1e-2, 0.2496f), new(1e-3, 0.3324f), new(1e-4, 0.4014f), new(1e-5, 0.4585f),
    ]);

    public static int[][] RowsByIdentity(int[] identities) =>
        [.. Enumerable.Range(0, identities.Length).GroupBy(i => identities[i]).OrderBy(g => g.Key).Select(g => g.ToArray())];
}

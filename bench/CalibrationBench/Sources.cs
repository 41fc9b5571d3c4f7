using FaceSearch.Evaluation;

namespace FaceSearch.CalibrationBench;

/// <summary>Where labelled templates come from.</summary>
internal static class Sources
{
    public static LabelledTemplates Load(string source, DirectoryInfo? data, int people, int seed)
    {
        if (source == "synthetic") return SyntheticFaces.Generate(people, 1, 5, seed);
        var lfw = ReadLfw(FindData(data));
        return new LabelledTemplates(lfw.Templates, lfw.Identities);
    }

    public static LfwTemplates ReadLfw(string data) => LfwTemplates.Read(
        Path.Combine(data, "embeddings", "lfw_mobilefacenet128_f32.bin"), Path.Combine(data, "embeddings", "lfw_mobilefacenet128_names.txt"));

    /// <summary>The named folder, else FACESEARCH_DATA, else shared/data in or beside a parent of the working directory.</summary>
    public static string FindData(DirectoryInfo? named)
    {
        if (named is not null) return named.FullName;
        if (Environment.GetEnvironmentVariable("FACESEARCH_DATA") is { Length: > 0 } set) return set;
        for (var folder = new DirectoryInfo(Environment.CurrentDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "data");
            if (Directory.Exists(candidate)) return candidate;
        }
        throw new DirectoryNotFoundException("No data folder: give --data, set FACESEARCH_DATA or put it at ../shared/data.");
    }

    /// <summary>The rows of each identity, in row order.</summary>
    public static int[][] RowsByIdentity(int[] identities) =>
        [.. Enumerable.Range(0, identities.Length).GroupBy(i => identities[i]).OrderBy(g => g.Key).Select(g => g.ToArray())];
}

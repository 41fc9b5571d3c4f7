using System.Globalization;

namespace FaceSearch.ScaleModel;

/// <summary>One row of a search table: what one pinned core did.</summary>
internal sealed record SearchPoint(int Ef, double RecallAt1, double QueriesPerSecond, double P50, double P99);

/// <summary>What bench/IndexBench measured, read from its tables.</summary>
internal static class BenchTables
{
    /// <summary>FaceSearch's rows of <c>search-face-N.md</c> with a graph; times in seconds.</summary>
    public static IReadOnlyList<SearchPoint> Search(string folder, int size) =>
        [.. Rows(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"search-face-{size}.md")))
            .Where(r => r[0] == "FaceSearch" && int.TryParse(r[1], out _))
            .Select(r => new SearchPoint(int.Parse(r[1], CultureInfo.InvariantCulture), Number(r[2]), Number(r[5]), Number(r[6]) * 1e-6, Number(r[7]) * 1e-6))];

    /// <summary>Bytes a vector of own memory and of file pages, by mode, from <c>memory-face-N.md</c>.</summary>
    public static IReadOnlyDictionary<string, (double Own, double Pages)> Memory(string folder, int size) =>
        Rows(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"memory-face-{size}.md")))
            .Where(r => r[0].StartsWith("FaceSearch, ", StringComparison.Ordinal))
            .ToDictionary(r => r[0]["FaceSearch, ".Length..], r => (Number(r[1]), Number(r[2])));

    private static IEnumerable<string[]> Rows(string file) => File.ReadLines(file)
        .Where(l => l.StartsWith("| ", StringComparison.Ordinal)).Select(l => l.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries));

    private static double Number(string text) => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
}

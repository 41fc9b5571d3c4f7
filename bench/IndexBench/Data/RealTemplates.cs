namespace FaceSearch.IndexBench.Data;

/// <summary>
/// Real templates: what a face embedder made of LFW, kept outside the repository. The last image of everyone with several is a mated
/// query; a tenth of the people with one image are strangers (unmated queries); the rest is enrolled. Extra rows: the strangers.
/// </summary>
internal static class RealTemplates
{
    private const string Vectors = "embeddings/lfw_mobilefacenet128_f32.bin", Names = "embeddings/lfw_mobilefacenet128_names.txt";

    /// <summary>The folder that holds the embeddings, or null: FACESEARCH_DATA, or shared/data beside or above the repository.</summary>
    public static string? FindFolder()
    {
        if (Environment.GetEnvironmentVariable("FACESEARCH_DATA") is { Length: > 0 } named) return named;
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "data");
            if (File.Exists(Path.Combine(candidate, Vectors))) return candidate;
        }

        return null;
    }

    /// <summary>All templates, and the person of each.</summary>
    public static (float[] Vectors, long[] People) Read()
    {
        string folder = FindFolder() ?? throw new FileNotFoundException("The real templates are not here; set FACESEARCH_DATA to the folder that holds embeddings/.");
        Dictionary<string, long> people = [];
        long[] labels = [.. File.ReadLines(Path.Combine(folder, Names)).Select(line =>
        {
            string person = line[..line.LastIndexOf('_')];
            if (!people.TryGetValue(person, out long label)) people.Add(person, label = people.Count);
            return label;
        })];
        return (DataSet.ReadFloats(Path.Combine(folder, Vectors)), labels);
    }

    public static void Write(DataSet files)
    {
        (float[] vectors, long[] people) = Read();
        List<int> enrolled = [], queries = [];
        List<bool> mated = [];
        foreach (int[] images in people.Index().GroupBy(p => p.Item, p => p.Index).Select(g => g.ToArray()))
        {
            bool stranger = images.Length == 1 && people[images[0]] % 10 == 0;
            if (images.Length > 1 || stranger)
            {
                queries.Add(images[^1]);
                mated.Add(!stranger);
            }

            if (!stranger) enrolled.AddRange(images.Length > 1 ? images[..^1] : images);
        }

        float[] Rows(IEnumerable<int> rows) => [.. rows.SelectMany(i => vectors.AsSpan(i * DataSet.Dimension, DataSet.Dimension).ToArray())];
        DataSet.WriteFloats(files.BasePath, Rows(enrolled));
        DataSet.WriteFloats(files.QueryPath, Rows(queries));
        DataSet.WriteFloats(files.ExtraPath, Rows(queries.Where((_, i) => !mated[i])));
        files.WriteMated([.. mated]);
    }
}

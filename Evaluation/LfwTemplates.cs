namespace FaceSearch.Evaluation;

/// <summary>Templates of LFW images with their names and people; people are numbered in order of appearance.</summary>
public sealed class LfwTemplates
{
    private LfwTemplates(EmbeddingMatrix templates, LfwImage[] images)
    {
        Templates = templates;
        Images = images;
        Identities = new int[images.Length];
        var numbers = new Dictionary<string, int>();
        var rows = new Dictionary<LfwImage, int>(images.Length);
        for (var i = 0; i < images.Length; i++)
        {
            if (!numbers.TryGetValue(images[i].Person, out Identities[i])) numbers[images[i].Person] = Identities[i] = numbers.Count;
            rows[images[i]] = i;
        }
        People = numbers.Count;
        RowOf = rows;
    }

    /// <summary>Templates, one a row.</summary>
    public EmbeddingMatrix Templates { get; }

    /// <summary>The image of each row.</summary>
    public IReadOnlyList<LfwImage> Images { get; }

    /// <summary>The person of each row, 0-based.</summary>
    public int[] Identities { get; }

    /// <summary>Number of people.</summary>
    public int People { get; }

    /// <summary>The row of each image.</summary>
    public IReadOnlyDictionary<LfwImage, int> RowOf { get; }

    /// <summary>Reads little-endian float32 rows and one image name a line.</summary>
    /// <exception cref="InvalidDataException">The two files disagree in length.</exception>
    public static LfwTemplates Read(string embeddingsPath, string namesPath, int dimension = 128)
    {
        var templates = EmbeddingMatrix.ReadRaw(embeddingsPath, dimension);
        var images = new List<LfwImage>(templates.Rows);
        foreach (var line in File.ReadLines(namesPath))
            if (line.Length > 0) images.Add(LfwImage.Parse(line.Trim()));
        if (images.Count != templates.Rows)
            throw new InvalidDataException($"Expected {templates.Rows} names, got {images.Count}.");
        return new LfwTemplates(templates, [.. images]);
    }

    /// <summary>Splits the rows for 1:N: gallery = the lowest-numbered image of each person, probes = the rest.</summary>
    public (int[] Gallery, int[] Probes) SplitFirstImage()
    {
        var first = new int[People];
        Array.Fill(first, -1);
        for (var i = 0; i < Images.Count; i++)
        {
            ref var row = ref first[Identities[i]];
            if (row < 0 || Images[i].Number < Images[row].Number) row = i;
        }
        var probes = new List<int>(Images.Count);
        for (var i = 0; i < Images.Count; i++)
            if (first[Identities[i]] != i) probes.Add(i);
        return (first, [.. probes]);
    }
}

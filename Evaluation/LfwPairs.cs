using System.Globalization;

namespace FaceSearch.Evaluation;

/// <summary>One image of LFW: <c>Person_0001</c> is image 1 of <c>Person</c>.</summary>
public readonly record struct LfwImage(string Person, int Number)
{
    /// <summary>The image's name without extension.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Person}_{Number:D4}");

    /// <summary>Reads <c>Person_Name_0001</c>, with or without <c>.jpg</c>.</summary>
    /// <exception cref="FormatException">The text does not end in an underscore and a number.</exception>
    public static LfwImage Parse(string name)
    {
        var stem = name.EndsWith(".jpg", StringComparison.OrdinalIgnoreCase) ? name[..^4] : name;
        var split = stem.LastIndexOf('_');
        if (split <= 0 || !int.TryParse(stem.AsSpan(split + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new FormatException("Expected an LFW image name such as Person_0001.");
        return new LfwImage(stem[..split], number);
    }
}

/// <summary>A pair of the LFW protocol; <paramref name="Fold"/> counts from 0.</summary>
public readonly record struct LfwPair(int Fold, LfwImage First, LfwImage Second)
{
    /// <summary>Whether both images show one person.</summary>
    public bool Same => First.Person == Second.Person;
}

/// <summary>Reads LFW's <c>pairs.txt</c> (ten folds of 300 same and 300 different pairs) and its one-fold development files
/// (Huang, Ramesh, Berg, Learned-Miller, UMass TR 07-49, 2007).</summary>
public static class LfwPairs
{
    /// <summary>Reads a pairs file.</summary>
    /// <exception cref="FormatException">A line has another shape; its number is named.</exception>
    public static IReadOnlyList<LfwPair> Parse(TextReader reader)
    {
        var number = 1;
        var header = Fields(reader.ReadLine());
        if (header.Length is < 1 or > 2) throw Malformed(number, "the fold and pair counts");
        var folds = header.Length == 2 ? Number(header[0], number) : 1;
        var perKind = Number(header[^1], number);
        var pairs = new List<LfwPair>(2 * folds * perKind);
        for (var fold = 0; fold < folds; fold++)
        {
            for (var i = 0; i < 2 * perKind; i++)
            {
                number++;
                var f = Fields(reader.ReadLine());
                if (f.Length != (i < perKind ? 3 : 4)) throw Malformed(number, i < perKind ? "person, image, image" : "person, image, person, image");
                pairs.Add(i < perKind
                    ? new(fold, new(f[0], Number(f[1], number)), new(f[0], Number(f[2], number)))
                    : new(fold, new(f[0], Number(f[1], number)), new(f[2], Number(f[3], number))));
            }
        }
        return pairs;
    }

    private static string[] Fields(string? line) => line?.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static int Number(string text, int line) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : throw Malformed(line, "a number");

    private static FormatException Malformed(int line, string expected) =>
        new(string.Create(CultureInfo.InvariantCulture, $"Line {line} of the pairs file: expected {expected}."));
}

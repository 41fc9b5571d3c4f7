using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;

namespace FaceSearch.Cli.Commands;

/// <summary>Options that several commands share, each made afresh for its command.</summary>
internal static class CommonOptions
{
    /// <summary>Requests in flight: enough to fill the server's embedding batches, few enough not to queue.</summary>
    public const int DefaultParallel = 8;

    public static Option<int> Parallel()
    {
        Option<int> option = new("--parallel", "-j")
        {
            Description = "Requests in flight at a time.",
            HelpName = "n",
            DefaultValueFactory = _ => DefaultParallel,
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out int n) && n is < 1 or > 256)
                result.AddError($"--parallel must be 1 to 256, got {n}.");
        });
        return option;
    }

    /// <summary>An option that takes one of an enum's names, written in lower case as in the API.</summary>
    public static Option<string> Word<T>(string name, string description, T? normally) where T : struct, Enum
    {
        string[] words = [.. Enum.GetNames<T>().Select(word => word.ToLowerInvariant())];
        Option<string> option = new(name) { Description = description, HelpName = string.Join('|', words), Required = normally is null };
        if (normally is { } word)
            option.DefaultValueFactory = _ => word.ToString().ToLowerInvariant();
        option.AcceptOnlyFromAmong(words);
        return option;
    }

    /// <summary>The enum value of a <see cref="Word"/>.</summary>
    public static T WordOf<T>(this ParseResult parse, Option<string> option) where T : struct, Enum => Enum.Parse<T>(parse.GetRequiredValue(option), ignoreCase: true);

    public static Option<string> Faces(FacePolicy normally, string description) => Word<FacePolicy>("--faces", description, normally);

    public static Option<bool> Yes() => new("--yes", "-y") { Description = "Do not ask; needed where nobody can be asked." };

    public static Option<int> Top() => new("--top") { Description = "Candidates wanted, 1 to 100.", HelpName = "n", DefaultValueFactory = _ => 5 };

    public static Option<double?> TargetFpir() => new("--target-fpir")
    {
        Description = "Wanted share of strangers answered 'match', over 0 to 0.5; the score follows the gallery.",
        HelpName = "rate",
    };

    public static Option<float?> Score() => new("--score") { Description = "A fixed score from which on it is a match, -1 to 1, instead of a target FPIR.", HelpName = "score" };

    public static Option<float?> Margin() => new("--margin") { Description = "Least lead over the runner-up; less is 'ambiguous'.", HelpName = "score" };

    public static Option<string[]> Pairs(string name, string description) => new(name) { Description = description, HelpName = "key=value", AllowMultipleArgumentsPerToken = true };

    /// <summary>The threshold that two options ask for; null when neither is given.</summary>
    public static ThresholdPolicy? Threshold(double? targetFpir, float? score) => (targetFpir, score) switch
    {
        (null, null) => null,
        ({ } fpir, null) => fpir is > 0 and <= 0.5 ? new ThresholdPolicy(TargetFpir: fpir) : throw new UsageException($"--target-fpir must be over 0 and at most 0.5, got {fpir}."),
        (null, { } fixedScore) => fixedScore is >= -1 and <= 1 ? new ThresholdPolicy(Score: fixedScore) : throw new UsageException($"--score must be -1 to 1, got {fixedScore}."),
        _ => throw new UsageException("--target-fpir and --score exclude each other."),
    };

    /// <summary>Splits <c>key=value</c> texts; a key given twice keeps all its values, in order.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Split(string option, string[]? pairs)
    {
        List<KeyValuePair<string, string>> result = [];
        foreach (string pair in pairs ?? [])
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1)
                throw new UsageException($"{option} takes key=value, got '{pair}'.");
            result.Add(new(pair[..equals], pair[(equals + 1)..]));
        }
        return result;
    }

    /// <summary>Metadata from <c>key=value</c> texts; null when there are none. The last value of a key wins.</summary>
    public static Dictionary<string, string>? Metadata(string option, string[]? pairs)
    {
        IReadOnlyList<KeyValuePair<string, string>> split = Split(option, pairs);
        if (split.Count == 0) return null;
        Dictionary<string, string> metadata = [];
        foreach ((string key, string value) in split)
            metadata[key] = value;
        return metadata;
    }

    /// <summary>A gallery id that the server would accept.</summary>
    public static string CheckGallery(string id) => Ids.IsGallery(id)
        ? id
        : throw new UsageException($"'{id}' is no gallery id.", "Lower-case letters, digits, '-', '_' and '.', starting with a letter or digit, at most 63.");

    /// <summary>An identity id that the server would accept.</summary>
    public static string CheckIdentity(string id) => Ids.IsIdentity(id)
        ? id
        : throw new UsageException($"'{id}' is no identity id.", "1 to 128 characters without '/', '\\', '%' and control characters.");

    /// <summary>Reads an image file.</summary>
    /// <exception cref="UsageException">There is no such file.</exception>
    public static async Task<byte[]> ReadImageAsync(string path, CancellationToken cancellation)
    {
        if (!File.Exists(path))
            throw new UsageException($"There is no file '{path}'.");
        return await File.ReadAllBytesAsync(path, cancellation);
    }
}

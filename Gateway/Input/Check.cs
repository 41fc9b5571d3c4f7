using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using FaceSearch.Gateway.Problems;

namespace FaceSearch.Gateway.Input;

/// <summary>One rule a method; a broken one is a 400 that names the field, what was expected and what was got.</summary>
internal static class Check
{
    private const int MaxMetadataKeys = 32, MaxMetadataKey = 64, MaxMetadataValue = 512, MaxFilterKeys = 8, MaxFilterValues = 64;

    public static string Gallery(string id) => Ids.IsGallery(id)
        ? id
        : throw ProblemException.Invalid($"'gallery' must be 1 to {Ids.MaxGallery} lower-case letters, digits, '-', '_' or '.', starting with a letter or digit.");

    [return: NotNullIfNotNull(nameof(id))]
    public static string? Identity(string? id) => id is null || Ids.IsIdentity(id)
        ? id
        : throw ProblemException.Invalid($"'identity' must be 1 to {Ids.MaxIdentity} characters without control characters, '/', '\\' and '%', and without a space at either end.");

    public static string Operation(string? id, string field) => Ids.IsOperation(id)
        ? id
        : throw ProblemException.Invalid($"'{field}' must be 1 to {Ids.MaxOperation} visible ASCII characters without spaces.");

    public static TemplateId Template(string text) => TemplateId.TryParse(text, out TemplateId id)
        ? id
        : throw ProblemException.Invalid("'template' must be sixteen lower-case hexadecimal digits.");

    /// <summary>Tokens of this gallery, with commas between them.</summary>
    public static ConsistencyToken[]? Tokens(string gallery, string? text) => text is null ? null
        : ConsistencyToken.TryParse(text, gallery, out ConsistencyToken[] tokens)
        ? tokens
        : throw ProblemException.Invalid($"'consistencyToken' must be 1 to {ConsistencyToken.MostInOne} tokens from the answers to writes in this gallery, with commas between them.");

    public static T? Range<T>(string field, T? value, T min, T max) where T : struct, IComparable<T>, IFormattable =>
        value is not { } v || (v.CompareTo(min) >= 0 && v.CompareTo(max) <= 0)
            ? value
            : throw ProblemException.Invalid(string.Create(CultureInfo.InvariantCulture, $"'{field}' must be {min} to {max}; got {v}."));

    /// <summary>A rate over 0 to 0.5.</summary>
    public static double? Rate(string field, double? value) => value is not { } v || v is > 0 and <= 0.5
        ? value
        : throw ProblemException.Invalid(string.Create(CultureInfo.InvariantCulture, $"'{field}' must be greater than 0 and at most 0.5; got {v}."));

    public static ThresholdPolicy? Threshold(ThresholdPolicy? policy)
    {
        if (policy is null)
            return null;
        if (policy.TargetFpir is null == policy.Score is null)
            throw ProblemException.Invalid("'threshold' must hold exactly one of 'targetFpir' and 'score'.");
        Rate("threshold.targetFpir", policy.TargetFpir);
        Range("threshold.score", policy.Score, -1f, 1f);
        return policy;
    }

    public static IReadOnlyDictionary<string, string>? Metadata(IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null)
            return null;
        if (metadata.Count > MaxMetadataKeys)
            throw ProblemException.Invalid($"'metadata' may have up to {MaxMetadataKeys} keys; got {metadata.Count}.");
        foreach ((string key, string value) in metadata)
        {
            if (key.Length is 0 or > MaxMetadataKey || key.Any(char.IsControl))
                throw ProblemException.Invalid($"A key of 'metadata' must be 1 to {MaxMetadataKey} characters without control characters.");
            if (value is null || value.Length > MaxMetadataValue)
                throw ProblemException.Invalid($"The value of 'metadata.{key}' must be a string of up to {MaxMetadataValue} characters.");
        }
        return metadata;
    }

    public static IReadOnlyDictionary<string, string[]>? Filter(IReadOnlyDictionary<string, string[]>? filter)
    {
        if (filter is null)
            return null;
        if (filter.Count > MaxFilterKeys)
            throw ProblemException.Invalid($"'filter' may have up to {MaxFilterKeys} keys; got {filter.Count}.");
        foreach ((string key, string[] values) in filter)
        {
            if (values is not { Length: >= 1 and <= MaxFilterValues } || values.Any(v => v is null))
                throw ProblemException.Invalid($"'filter.{key}' must be an array of 1 to {MaxFilterValues} strings.");
        }
        return filter;
    }
}

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FaceSearch.Gateway.Problems;
using Microsoft.AspNetCore.Http;

namespace FaceSearch.Gateway.Input;

/// <summary>
/// The query parameters and form fields of a request (a form field wins). Members that are objects travel as JSON text.
/// A name that nobody asked for is a mistake of the caller's and is refused, rather than silently ignored.
/// </summary>
internal sealed class Fields
{
    private readonly Dictionary<string, string> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    public Fields(IQueryCollection query)
    {
        foreach ((string name, var values) in query)
        {
            if (values.Count > 1)
                throw ProblemException.Invalid($"The query parameter '{name}' was given {values.Count} times; once is enough.");
            _values[name] = values.ToString();
        }
    }

    public void Add(string name, string value) => _values[name] = value;

    public string? Text(string name)
    {
        _known.Add(name);
        return _values.TryGetValue(name, out string? value) && value.Length > 0 ? value : null;
    }

    public int? Int(string name) => Text(name) is not { } text ? null
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) ? value
        : throw ProblemException.Invalid($"'{name}' must be a whole number.");

    public float? Single(string name) => (float?)Double(name);

    public double? Double(string name) => Text(name) is not { } text ? null
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value
        : throw ProblemException.Invalid($"'{name}' must be a number.");

    public bool? Bool(string name) => Text(name) is not { } text ? null
        : bool.TryParse(text, out bool value) ? value
        : throw ProblemException.Invalid($"'{name}' must be true or false.");

    public TEnum? Enum<TEnum>(string name) where TEnum : struct, Enum
    {
        if (Text(name) is not { } text)
            return null;
        foreach (TEnum value in System.Enum.GetValues<TEnum>())
        {
            if (string.Equals(Camel(value), text, StringComparison.Ordinal))
                return value;
        }
        throw ProblemException.Invalid($"'{name}' must be one of {string.Join(", ", System.Enum.GetValues<TEnum>().Select(Camel))}.");
    }

    public T? Json<T>(string name, JsonTypeInfo<T> type) where T : class
    {
        if (Text(name) is not { } text)
            return null;
        try
        {
            return JsonSerializer.Deserialize(text, type);
        }
        catch (JsonException e)
        {
            throw ProblemException.Invalid($"'{name}' must be JSON text. {ProblemFactory.From(e).Detail}");
        }
    }

    /// <summary>Once every known name was asked for.</summary>
    public void RefuseUnknown()
    {
        if (_values.Keys.FirstOrDefault(name => !_known.Contains(name)) is { } unknown)
        {
            throw ProblemException.Invalid(_known.Count == 0
                ? "This endpoint takes no parameters."
                : $"There is no parameter '{Printable(unknown)}'; this endpoint takes {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
        }
    }

    private static string Camel<TEnum>(TEnum value) where TEnum : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    private static string Printable(string name) => string.Concat(name.Take(40).Select(c => char.IsControl(c) ? '?' : c));
}

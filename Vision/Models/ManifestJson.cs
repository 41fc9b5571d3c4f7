using System.Text.Json;
using System.Text.Json.Serialization;

namespace FaceSearch.Vision;

/// <summary>Manifests as JSON, and the checks a manifest must pass.</summary>
internal static class ManifestJson
{
    public static readonly JsonSerializerOptions Compact = Options(indented: false);
    private static readonly JsonSerializerOptions Indented = Options(indented: true);

    /// <exception cref="ModelException">The manifest is missing, not JSON, or a field is wrong.</exception>
    public static ModelManifest Load(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path), path);
        }
        catch (IOException e)
        {
            throw new ModelException($"Model manifest '{path}' cannot be read: {e.Message}", e);
        }
    }

    /// <exception cref="ModelException">The text is not JSON, or a field is wrong.</exception>
    public static ModelManifest Parse(ReadOnlySpan<byte> json, string path)
    {
        ModelManifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize<ModelManifest>(json, Indented);
        }
        catch (JsonException e)
        {
            throw new ModelException($"Model manifest '{path}' is not valid at {e.Path ?? "$"}: {e.Message}", e);
        }
        return Validate(manifest ?? throw new ModelException($"Model manifest '{path}' is empty."), path);
    }

    public static string Write(ModelManifest manifest) => JsonSerializer.Serialize(manifest, Indented) + "\n";

    /// <exception cref="ModelException">A field is wrong; the message names the file and the field.</exception>
    public static ModelManifest Validate(ModelManifest m, string path)
    {
        Check(IsName(m.Name), "name", $"must be 1 to 64 of a-z, 0-9, '-', '_' and '.', starting with a letter or digit; got '{m.Name}'");
        Check(m.File == Path.GetFileName(m.File) && m.File.EndsWith(".onnx", StringComparison.Ordinal), "file", $"must be a bare file name ending in .onnx; got '{m.File}'");
        Check(m.Bytes > 0, "bytes", $"must be positive; got {m.Bytes}");
        Check(IsDigest(m.Sha256), "sha256", "must be 64 lower-case hex digits");
        Check(m.Source is null || IsDigest(m.Source.Sha256), "source.sha256", "must be 64 lower-case hex digits");
        Check(!string.IsNullOrWhiteSpace(m.Licence), "licence", "must name the model's licence");
        Check(!string.IsNullOrWhiteSpace(m.Input.Name), "input.name", "must name the input tensor");
        Check(m.Input.Mean.Count == 3 && m.Input.Mean.All(float.IsFinite), "input.mean", "must be three finite numbers (red, green, blue)");
        Check(m.Input.Std.Count == 3 && m.Input.Std.All(s => float.IsFinite(s) && s != 0), "input.std", "must be three finite numbers other than 0");
        Check(float.IsFinite(m.Input.Scale) && m.Input.Scale != 0, "input.scale", $"must be finite and not 0; got {m.Input.Scale}");
        if (m.Kind == ModelKind.Embedder)
            ValidateEmbedder(m, path);
        return m;

        void Check(bool holds, string field, string rule) => Demand(holds, path, field, rule);
    }

    private static void ValidateEmbedder(ModelManifest m, string path)
    {
        Demand(m.Input.Width is >= 16 and <= 512 && m.Input.Width == m.Input.Height, path, "input.width", $"an embedder's input must be square, 16 to 512 pixels; got {m.Input.Width}x{m.Input.Height}");
        Demand(!string.IsNullOrWhiteSpace(m.Output), path, "output", "must name the output tensor of an embedder");
        Demand(m.Dimension is >= 2 and <= 4096, path, "dimension", $"must be 2 to 4096; got {m.Dimension}");
        Demand(m.AlignmentTemplate is null || (m.AlignmentTemplate.Count == 5 && m.AlignmentTemplate.All(p => float.IsFinite(p.X) && float.IsFinite(p.Y))), path, "alignmentTemplate", "must be five finite points, or absent for a centre crop");
        IReadOnlyList<OperatingPoint> points = m.ImpostorOperatingPoints;
        for (int i = 0; i < points.Count; i++)
        {
            Demand(points[i].Fmr is > 0 and < 1 && points[i].Score is >= -1 and <= 1, path, $"impostorOperatingPoints[{i}]", "needs an fmr between 0 and 1 and a score between -1 and 1");
            Demand(i == 0 || (points[i].Fmr < points[i - 1].Fmr && points[i].Score >= points[i - 1].Score), path, $"impostorOperatingPoints[{i}]", "fmr must fall and score must not");
        }
    }

    private static void Demand(bool holds, string path, string field, string rule)
    {
        if (!holds)
            throw new ModelException($"Model manifest '{path}', field '{field}': {rule}.");
    }

    private static bool IsName(string name) =>
        name.Length is >= 1 and <= 64 && char.IsAsciiLetterOrDigit(name[0])
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');

    private static bool IsDigest(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    private static JsonSerializerOptions Options(bool indented) => new(JsonSerializerDefaults.Web)
    {
        WriteIndented = indented,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };
}

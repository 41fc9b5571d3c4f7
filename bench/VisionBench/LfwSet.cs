using FaceSearch.Vision;

namespace FaceSearch.VisionBench;

/// <summary>The LFW images and the real models of a data folder.</summary>
internal sealed class LfwSet(DirectoryInfo data)
{
    /// <summary>The data folder where none is named.</summary>
    public static string DefaultData()
    {
        if (Environment.GetEnvironmentVariable("FACESEARCH_DATA") is { Length: > 0 } set)
            return set;
        for (DirectoryInfo? folder = new(Environment.CurrentDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "shared", "data");
            if (Directory.Exists(candidate))
                return candidate;
        }
        return Path.Combine("..", "shared", "data");
    }

    public ModelStore Models { get; } = new(Path.Combine(data.FullName, "models"));

    /// <summary>Every image file, in name order.</summary>
    public string[] Images() =>
        [.. Directory.GetFiles(Path.Combine(data.FullName, "faces", "lfw"), "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    /// <summary>The name of the person an image shows: its folder.</summary>
    public static string PersonOf(string image) => Path.GetFileName(Path.GetDirectoryName(image)!);

    public InstalledModel Detector() => Models.Find(ModelKind.Detector) ?? throw new ModelException($"No detector in '{Models.Folder}'.");

    public InstalledModel Embedder(bool mirror)
    {
        InstalledModel model = Models.Find(ModelKind.Embedder) ?? throw new ModelException($"No embedder in '{Models.Folder}'.");
        return model with { Manifest = model.Manifest with { MirrorAndSum = mirror } };
    }
}

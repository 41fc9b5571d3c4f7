namespace FaceSearch.Vision;

/// <summary>A model that lies in a store.</summary>
/// <param name="Path">Full path of the .onnx file.</param>
public sealed record InstalledModel(ModelManifest Manifest, string Path)
{
    /// <summary>The model's bytes, verified against the manifest's digest, with a free batch dimension.</summary>
    /// <exception cref="ModelException">The file is missing or altered.</exception>
    public byte[] Load() => throw new NotImplementedException();
}

/// <summary>Progress of a download.</summary>
public readonly record struct PullProgress(long BytesReceived, long TotalBytes);

/// <summary>Outcome of verifying one model; <see cref="Problem"/> is null when it is sound.</summary>
public sealed record ModelVerification(string Name, string Path, string? Problem);

/// <summary>The curated, compiled-in list of models that can be pulled by name.</summary>
public static class ModelCatalogue
{
    /// <summary>Every known model as its upstream file.</summary>
    public static IReadOnlyList<ModelManifest> Models => throw new NotImplementedException();

    /// <summary>The model of that name, or null.</summary>
    public static ModelManifest? Find(string name) => throw new NotImplementedException();
}

/// <summary>A folder of models: name.onnx beside name.json. Known bare .onnx files are served too, also read-only.</summary>
public sealed class ModelStore(string folder)
{
    /// <summary>Full path of the folder.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>Every usable model, by name.</summary>
    public IReadOnlyList<InstalledModel> List() => throw new NotImplementedException();

    /// <summary>The model of that name and kind, or (without a name) the preferred one of that kind; null if none.</summary>
    public InstalledModel? Find(ModelKind kind, string? name = null) => throw new NotImplementedException();

    /// <summary>Checks every model's size and digest.</summary>
    public IReadOnlyList<ModelVerification> Verify() => throw new NotImplementedException();

    /// <summary>Installs a local file described by a manifest; frees a fixed batch dimension.</summary>
    public InstalledModel Import(string file, ModelManifest manifest) => throw new NotImplementedException();

    /// <summary>Downloads a catalogue model, verifies it, installs it atomically.</summary>
    public Task<InstalledModel> PullAsync(string name, HttpClient http, IProgress<PullProgress>? progress = null, CancellationToken cancellation = default) => throw new NotImplementedException();
}

using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace FaceSearch.Vision;

/// <summary>Progress of a download.</summary>
public readonly record struct PullProgress(long BytesReceived, long TotalBytes);

/// <summary>Outcome of verifying one file of a store; <paramref name="Problem"/> is null when it is sound.</summary>
/// <param name="Name">The model's name, or the file's where it is unknown.</param>
public sealed record ModelVerification(string Name, string Path, string? Problem);

/// <summary>
/// A folder of models: <c>name.onnx</c> beside <c>name.json</c> (its manifest). A bare .onnx file that the catalogue
/// knows by its SHA-256 is served too, so a read-only folder of upstream files is a store. Models that come with the
/// program (<see cref="BundledFolder"/>) stand behind those of the folder. Thread-safe.
/// </summary>
/// <param name="folder">The folder; it need not exist.</param>
/// <param name="bundled">A second, read-only folder whose models serve where the first has none of that kind, or null.</param>
public sealed class ModelStore(string folder, string? bundled = null)
{
    private readonly ModelStore? _bundled = bundled is null ? null : new ModelStore(bundled);
    private readonly ConcurrentDictionary<string, (DateTime Written, long Bytes, string Sha256)> _digests = new();

    /// <summary>The models that come with the program, beside its files: a fresh install answers without any download.</summary>
    public static string BundledFolder { get; } = Path.Combine(AppContext.BaseDirectory, "models");

    /// <summary>Full path of the folder; it need not exist.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>Every usable model, by name, bundled ones included. A broken manifest is reported by <see cref="Verify"/>, not here.</summary>
    public IReadOnlyList<InstalledModel> List()
    {
        var models = new SortedDictionary<string, InstalledModel>(StringComparer.Ordinal);
        foreach (InstalledModel model in Installed().Concat(_bundled?.Installed() ?? []))
            models.TryAdd(model.Manifest.Name, model);
        return [.. models.Values];
    }

    private List<InstalledModel> Installed()
    {
        var models = new SortedDictionary<string, InstalledModel>(StringComparer.Ordinal);
        foreach ((string path, InstalledModel? model, _) in Scan())
        {
            if (model is not null && File.Exists(path))
                models.TryAdd(model.Manifest.Name, model);
        }
        return [.. models.Values];
    }

    /// <summary>
    /// The model of that kind and name; without a name the catalogue's preferred one, else the first by name, else the
    /// bundled one. Null if there is none.
    /// </summary>
    public InstalledModel? Find(ModelKind kind, string? name = null)
    {
        if (name is not null)
            return List().FirstOrDefault(m => m.Manifest.Kind == kind && m.Manifest.Name == name);
        List<InstalledModel> ofKind = Installed().FindAll(m => m.Manifest.Kind == kind);
        if (ofKind.Count == 0)
            return _bundled?.Find(kind);
        return ModelCatalogue.Models.Select(known => ofKind.Find(m => m.Manifest.Name == known.Name)).FirstOrDefault(m => m is not null)
            ?? ofKind.FirstOrDefault();
    }

    /// <summary>Checks every file of the folder: manifests, sizes, digests, and files nobody knows.</summary>
    public IReadOnlyList<ModelVerification> Verify()
    {
        List<ModelVerification> results = [];
        foreach ((string path, InstalledModel? model, string? problem) in Scan())
            results.Add(new ModelVerification(model?.Manifest.Name ?? Path.GetFileName(path), path, problem ?? ProblemOf(model!)));
        return results;
    }

    /// <summary>Installs a local file described by a manifest: verified, batch dimension freed, equality proven, atomic.</summary>
    /// <param name="file">An ONNX file of the manifest's size and digest.</param>
    /// <param name="manifest">Its description.</param>
    /// <exception cref="ModelException">The file is not what the manifest says, or freeing its batch changed its outputs.</exception>
    public InstalledModel Import(string file, ModelManifest manifest)
    {
        byte[] bytes = new InstalledModel(ManifestJson.Validate(manifest, file), Path.GetFullPath(file)).ReadVerified();
        return ModelInstaller.Install(Folder, bytes, manifest);
    }

    /// <summary>Downloads a catalogue model, verifies it, frees its batch dimension and installs it atomically.</summary>
    /// <exception cref="ModelException">No such model, no network, or another file than expected; the message says what to place where.</exception>
    public async Task<InstalledModel> PullAsync(
        string name, HttpClient http, IProgress<PullProgress>? progress = null, CancellationToken cancellation = default)
    {
        ModelManifest manifest = ModelCatalogue.Find(name)
            ?? throw new ModelException($"There is no model '{name}' in the catalogue; it holds: {string.Join(", ", ModelCatalogue.Models.Select(m => m.Name))}.");
        byte[] bytes = await ModelDownload.FetchAsync(manifest, Folder, http, progress, cancellation).ConfigureAwait(false);
        return ModelInstaller.Install(Folder, bytes, manifest);
    }

    private IEnumerable<(string Path, InstalledModel? Model, string? Problem)> Scan()
    {
        if (!Directory.Exists(Folder))
            yield break;
        HashSet<string> described = new(StringComparer.Ordinal);
        foreach (string json in Directory.GetFiles(Folder, "*.json").Order(StringComparer.Ordinal))
        {
            (InstalledModel? model, string? problem) = ReadManifest(json);
            if (model is not null)
                described.Add(model.Path);
            yield return (model?.Path ?? json, model, problem);
        }
        foreach (string onnx in Directory.GetFiles(Folder, "*.onnx").Order(StringComparer.Ordinal).Where(f => !described.Contains(f)))
        {
            ModelManifest? known = ModelCatalogue.FindBySha256(DigestOf(onnx));
            yield return known is null
                ? (onnx, null, "no manifest beside it, and the catalogue does not know its SHA-256; import it with a manifest")
                : (onnx, new InstalledModel(known with { File = Path.GetFileName(onnx) }, onnx), null);
        }
    }

    private (InstalledModel?, string?) ReadManifest(string json)
    {
        try
        {
            ModelManifest manifest = ModelManifest.Load(json);
            return (new InstalledModel(manifest, Path.Combine(Folder, manifest.File)), null);
        }
        catch (ModelException e)
        {
            return (null, e.Message);
        }
    }

    private static string? ProblemOf(InstalledModel model)
    {
        try
        {
            model.ReadVerified();
            return null;
        }
        catch (ModelException e)
        {
            return e.Message;
        }
    }

    /// <summary>Digest of a bare file, kept until the file changes.</summary>
    private string DigestOf(string path)
    {
        var info = new FileInfo(path);
        if (_digests.TryGetValue(path, out var known) && known.Written == info.LastWriteTimeUtc && known.Bytes == info.Length)
            return known.Sha256;
        using FileStream stream = File.OpenRead(path);
        string digest = Convert.ToHexStringLower(SHA256.HashData(stream));
        _digests[path] = (info.LastWriteTimeUtc, info.Length, digest);
        return digest;
    }
}

using System.Security.Cryptography;
using System.Text.Json;
using FaceSearch.Gateway.Input;
using FaceSearch.Gateway.Problems;
using FaceSearch.Http;
using FaceSearch.Vision;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace FaceSearch.Gateway.Faces;

/// <summary>
/// Takes a model in: streamed to a file of its own while its digest is formed, checked against its manifest, proven to run, and only
/// then placed in the store and registered as a candidate. The same upload again answers with what is there.
/// </summary>
internal sealed class ModelUploads(ModelStore store, Catalogue catalogue, IGrainFactory grains, IOptions<GatewayOptions> options, TimeProvider time) : IDisposable
{
    private const int MaxManifestBytes = 64 << 10;
    private const string ModelPart = "model", ManifestPart = "manifest", LineagePart = "lineage", GalleryPart = "gallery";

    private readonly SemaphoreSlim _one = new(1);

    private sealed class Parts
    {
        public string? File { get; set; }

        public string? Sha256 { get; set; }

        public ModelManifest? Manifest { get; set; }

        public ModelLineage? Lineage { get; set; }

        public string? Gallery { get; set; }
    }

    /// <returns>The model, and whether it is new.</returns>
    /// <exception cref="ProblemException">invalid-request, too-large, model-rejected, model-exists; too-many-requests while another upload is taken in.</exception>
    public async Task<(ModelDescription Model, bool IsNew)> TakeAsync(HttpContext context)
    {
        if (!await _one.WaitAsync(0, context.RequestAborted))
            throw new ProblemException(ProblemFactory.Create(ProblemTypes.TooManyRequests, "Another model is being uploaded. Try again when it is done.") with { RetryAfterSeconds = 5 });
        string folder = Path.Combine(store.Folder, $".incoming-{Guid.NewGuid():n}");
        try
        {
            RequestReader.LimitBody(context, options.Value.MaxModelBytes + options.Value.MaxSmallRequestBytes);
            Directory.CreateDirectory(folder);
            return await AcceptAsync(await ReadAsync(context, folder), folder);
        }
        catch (ModelException e)
        {
            throw ProblemException.Of(ProblemTypes.ModelRejected, e.Message.Replace(folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal));
        }
        finally
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task<Parts> ReadAsync(HttpContext context, string folder)
    {
        if (RequestReader.MediaType(context) is not { } media || !media.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            throw ProblemException.Of(ProblemTypes.InvalidRequest, "Send a form (multipart/form-data) with the parts 'manifest' and 'model', and 'lineage' and 'gallery' if there are any.", 415);
        Parts parts = new();
        MultipartReader reader = RequestReader.OpenMultipart(context);
        while (await RequestReader.NextAsync(reader, context.RequestAborted) is { } section)
        {
            string name = ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out ContentDispositionHeaderValue? disposition)
                ? HeaderUtilities.RemoveQuotes(disposition.Name).Value ?? "" : "";
            switch (name)
            {
                case ModelPart when parts.File is null:
                    (parts.File, parts.Sha256) = await SaveAsync(section.Body, Path.Combine(folder, "upload.onnx"), context.RequestAborted);
                    break;
                case ManifestPart when parts.Manifest is null:
                    parts.Manifest = ModelManifest.Parse(await SmallAsync(section.Body, context.RequestAborted), ManifestPart);
                    break;
                case LineagePart when parts.Lineage is null:
                    parts.Lineage = JsonSerializer.Deserialize(await SmallAsync(section.Body, context.RequestAborted), FaceSearchJson.Default.ModelLineage);
                    break;
                case GalleryPart when parts.Gallery is null:
                    parts.Gallery = Check.Gallery(await RequestReader.FieldAsync(section, context.RequestAborted));
                    break;
                default:
                    throw ProblemException.Invalid("The form holds 'manifest' and 'model', and may hold 'lineage' and 'gallery', each once.");
            }
        }
        return parts;
    }

    private async Task<(ModelDescription, bool)> AcceptAsync(Parts parts, string folder)
    {
        if (parts.Manifest is not { } manifest || parts.File is not { } file)
            throw ProblemException.Invalid("Both 'manifest' and 'model' are required.");
        if (manifest.Kind != ModelKind.Embedder || manifest.Dimension != Embedding.Dimension)
            throw ProblemException.Of(ProblemTypes.ModelRejected, $"Only embedders of {Embedding.Dimension} dimensions are taken in here; this is {manifest.Kind} of {manifest.Dimension}.");
        if (parts.Sha256 != manifest.Sha256)
            throw ProblemException.Of(ProblemTypes.ModelRejected, $"The file that arrived has SHA-256 {parts.Sha256}, the manifest says {manifest.Sha256}. Send it again.");
        if (parts.Gallery is { } gallery)
            await grains.GetGrain<IGalleryGrain>(gallery).GetModelAsync();
        InstalledModel staged = await Task.Run(() => Prove(file, manifest, folder));
        IModelRegistryGrain registry = grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);
        ModelDescription? known = await registry.FindAsync(manifest.Name);
        string? there = known?.Sha256 ?? store.Find(ModelKind.Embedder, manifest.Name)?.Manifest.Sha256;
        if (there is not null && there != staged.Manifest.Sha256)
            throw ProblemException.Of(ProblemTypes.ModelExists, $"There is another model '{manifest.Name}' already: give this one a new name.");
        InstalledModel installed = await Task.Run(() => store.Import(staged.Path, staged.Manifest));
        ModelDescription registered = await registry.RegisterAsync(Describe(installed.Manifest, parts));
        catalogue.ForgetModels();
        return (registered, known is null);
    }

    /// <summary>Installs it in the staging folder and embeds one crop: what does not load or run never reaches the store.</summary>
    private static InstalledModel Prove(string file, ModelManifest manifest, string folder)
    {
        InstalledModel staged = new ModelStore(Path.Combine(folder, "staged")).Import(file, manifest);
        using OnnxFaceEmbedder embedder = new(staged);
        int size = manifest.Input.Width;
        byte[] noise = new byte[size * size * 3];
        new Random(1).NextBytes(noise);
        embedder.Embed([new AlignedFace(size, noise)], new float[manifest.Dimension]);
        return staged;
    }

    private ModelDescription Describe(ModelManifest manifest, Parts parts) => new(
        manifest.Name, "embedder", manifest.Sha256, manifest.Licence, parts.Lineage?.Run is { } run ? $"training run {run}" : "uploaded", ModelStatus.Candidate, time.GetUtcNow(), null,
        [.. manifest.ImpostorOperatingPoints.Select(p => new OperatingPoint(p.Fmr, p.Score))], manifest.CompatibleWith, parts.Lineage, parts.Gallery);

    private async Task<(string Path, string Sha256)> SaveAsync(Stream body, string path, CancellationToken cancellation)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write);
        byte[] buffer = new byte[128 << 10];
        long length = 0;
        try
        {
            for (int read; (read = await body.ReadAsync(buffer, cancellation)) > 0;)
            {
                if ((length += read) > options.Value.MaxModelBytes)
                    throw ProblemException.Of(ProblemTypes.TooLarge, $"A model may have up to {options.Value.MaxModelBytes:N0} bytes.");
                hash.AppendData(buffer.AsSpan(0, read));
                await file.WriteAsync(buffer.AsMemory(0, read), cancellation);
            }
        }
        catch (InvalidDataException)
        {
            throw ProblemException.Invalid("The multipart body is malformed or was cut off.");
        }
        return (path, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static async Task<byte[]> SmallAsync(Stream body, CancellationToken cancellation)
    {
        byte[] buffer = new byte[MaxManifestBytes + 1];
        int length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        return length <= MaxManifestBytes ? buffer[..length] : throw ProblemException.Of(ProblemTypes.TooLarge, $"A manifest or lineage may have up to {MaxManifestBytes:N0} bytes.");
    }
}

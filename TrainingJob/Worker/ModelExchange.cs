using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.Http;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Worker;

/// <summary>Models to and from the server, over its HTTP API.</summary>
internal sealed class ModelExchange : IDisposable
{
    private readonly HttpClient _http;
    private readonly ModelStore _store;

    public ModelExchange(WorkerOptions options)
    {
        _store = new ModelStore(options.ModelsFolder);
        _http = new HttpClient { BaseAddress = new Uri(options.Server.AbsoluteUri.TrimEnd('/') + HttpApi.Base + "/"), Timeout = TimeSpan.FromMinutes(10) };
        if (options.Key is { } key)
            _http.DefaultRequestHeaders.Add(HttpApi.KeyHeader, key);
    }

    /// <summary>The server's model: as it lies here if it is the same one, else fetched from the server and verified.</summary>
    /// <returns>The model, and the digest under which the server knows it (here its batch dimension may have been freed).</returns>
    /// <exception cref="TrainingException">The server does not have it, or another model lies here under its name.</exception>
    public async Task<(InstalledModel Model, string Digest)> FindAsync(string name, CancellationToken cancellation)
    {
        ModelManifest manifest;
        using (HttpResponseMessage answer = await _http.GetAsync(new Uri($"models/{Uri.EscapeDataString(name)}/manifest", UriKind.Relative), cancellation).ConfigureAwait(false))
        {
            await DemandAsync(answer, cancellation).ConfigureAwait(false);
            manifest = ModelManifest.Parse(await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false), name);
        }
        if (_store.Find(ModelKind.Embedder, name) is not { } here)
            return (await FetchAsync(manifest, cancellation).ConfigureAwait(false), manifest.Sha256);
        if (Origin(here.Manifest) != Origin(manifest) && here.Manifest.Sha256 != manifest.Sha256)
            throw new TrainingException($"Model '{name}' in '{_store.Folder}' is not the server's model of that name. Remove or rename it; the server's is fetched then.");
        return (here, manifest.Sha256);
    }

    private static string Origin(ModelManifest manifest) => manifest.Source?.Sha256 ?? manifest.Sha256;

    private async Task<InstalledModel> FetchAsync(ModelManifest manifest, CancellationToken cancellation)
    {
        Directory.CreateDirectory(_store.Folder);
        string temporary = Path.Combine(_store.Folder, $"{Guid.NewGuid():n}.part");
        try
        {
            using HttpResponseMessage answer = await _http.GetAsync(new Uri($"models/{Uri.EscapeDataString(manifest.Name)}/file", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            await DemandAsync(answer, cancellation).ConfigureAwait(false);
            await using (FileStream file = File.Create(temporary))
                await answer.Content.CopyToAsync(file, cancellation).ConfigureAwait(false);
            return _store.Import(temporary, manifest);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Uploads a candidate and its comparison; both may be repeated.</summary>
    public async Task SendAsync(InstalledModel model, ModelLineage lineage, string? gallery, ModelEvaluation? evaluation, CancellationToken cancellation)
    {
        await using FileStream file = File.OpenRead(model.Path);
        using MultipartFormDataContent form = new()
        {
            { new StringContent(model.Manifest.ToJson()), "manifest" },
            { new StringContent(JsonSerializer.Serialize(lineage, FaceSearchJson.Default.ModelLineage)), "lineage" },
            { new StreamContent(file), "model", model.Manifest.File },
        };
        if (gallery is not null)
            form.Add(new StringContent(gallery), "gallery");
        using (HttpResponseMessage answer = await _http.PostAsync(new Uri("models", UriKind.Relative), form, cancellation).ConfigureAwait(false))
            await DemandAsync(answer, cancellation).ConfigureAwait(false);
        if (evaluation is null)
            return;
        using HttpResponseMessage recorded = await _http.PutAsJsonAsync(
            new Uri($"models/{Uri.EscapeDataString(model.Manifest.Name)}/evaluation", UriKind.Relative), evaluation, FaceSearchJson.Default.ModelEvaluation, cancellation).ConfigureAwait(false);
        await DemandAsync(recorded, cancellation).ConfigureAwait(false);
    }

    /// <summary>The candidate becomes one of the worker's own models, with a free batch dimension, as the server will have it.</summary>
    public InstalledModel Install(string file, ModelManifest manifest) => _store.Import(file, manifest);

    public void Dispose() => _http.Dispose();

    private static async Task DemandAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        if (answer.IsSuccessStatusCode)
            return;
        Problem? problem = null;
        try
        {
            problem = await answer.Content.ReadFromJsonAsync(FaceSearchJson.Default.Problem, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NotSupportedException)
        {
            // Not an answer of FaceSearch: the status has to do.
        }
        string words = problem?.Detail ?? $"{(int)answer.StatusCode} without a reason";
        bool mayPass = (int)answer.StatusCode is 429 or >= 500;
        throw mayPass ? new HttpRequestException($"The server answered: {words}", null, answer.StatusCode) : new TrainingException($"The server refused: {words}");
    }
}

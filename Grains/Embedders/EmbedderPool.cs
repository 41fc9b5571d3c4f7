using System.Collections.Concurrent;
using FaceSearch.Grains.Telemetry;
using FaceSearch.Vision;
using Microsoft.Extensions.Options;

namespace FaceSearch.Grains.Embedders;

/// <summary>
/// The embedders that this silo has in memory: one session and one batcher a model. The one of the start is there at once; another
/// is loaded when it is first asked for (a candidate in shadow, the next generation of a gallery), without a restart, and the one
/// that was not used for longest makes room beyond <see cref="EmbedderOptions.MaxModels"/>. Thread-safe.
/// </summary>
public sealed class EmbedderPool : IDisposable
{
    /// <summary>How long a model that is not installed is not looked for again.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private readonly Func<string, IFaceEmbedder?> _load;
    private readonly IOptions<EmbedderOptions> _options;
    private readonly ConcurrentDictionary<string, Loaded> _loaded = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _missing = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _loading = new(1);

    private sealed record Loaded(IFaceEmbedder Embedder, EmbedderBatcher Batcher)
    {
        public long UsedAt { get; set; }
    }

    /// <param name="standard">The embedder of the start; null where none is installed. The pool owns it.</param>
    /// <param name="load">Loads a model by name; null if it is not installed.</param>
    /// <param name="options">How each model's crops are batched.</param>
    public EmbedderPool(IFaceEmbedder? standard, Func<string, IFaceEmbedder?> load, IOptions<EmbedderOptions> options)
    {
        (Standard, _load, _options) = (standard, load, options);
        if (standard is not null)
            Add(standard.Manifest.Name, standard);
        GrainMetrics.Add(this);
    }

    /// <summary>A pool without a model, for ready embeddings only.</summary>
    public static EmbedderPool Empty { get; } = new(null, _ => null, Microsoft.Extensions.Options.Options.Create(new EmbedderOptions()));

    /// <summary>The embedder of the start; null where none was installed.</summary>
    public IFaceEmbedder? Standard { get; }

    /// <summary>Names of the models in memory.</summary>
    public IReadOnlyList<string> Models => [.. _loaded.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Crops waiting, over all models.</summary>
    public int Waiting => _loaded.Values.Sum(l => l.Batcher.Waiting);

    /// <summary>The batcher of a model, loading it if it is not in memory; null if it is not installed.</summary>
    /// <exception cref="ModelException">It is installed and does not load.</exception>
    public ValueTask<EmbedderBatcher?> GetAsync(string model)
    {
        if (_loaded.TryGetValue(model, out Loaded? loaded))
        {
            loaded.UsedAt = Environment.TickCount64;
            return new(loaded.Batcher);
        }
        return _missing.TryGetValue(model, out long at) && Environment.TickCount64 - at < LookAgain.TotalMilliseconds ? new((EmbedderBatcher?)null) : new(LoadAsync(model));
    }

    /// <summary>A session of its own for long work beside the live one; the caller disposes it. Null if the model is not installed.</summary>
    /// <exception cref="ModelException">It is installed and does not load.</exception>
    public IFaceEmbedder? Open(string model) => _load(model);

    /// <summary>The manifest of a model; null if it is not installed.</summary>
    public async ValueTask<ModelManifest?> ManifestAsync(string model)
    {
        await GetAsync(model);
        return _loaded.TryGetValue(model, out Loaded? loaded) ? loaded.Embedder.Manifest : null;
    }

    public void Dispose()
    {
        GrainMetrics.Remove(this);
        foreach (string model in _loaded.Keys)
            Remove(model);
    }

    private async Task<EmbedderBatcher?> LoadAsync(string model)
    {
        await _loading.WaitAsync();
        try
        {
            if (_loaded.TryGetValue(model, out Loaded? already))
                return already.Batcher;
            IFaceEmbedder? embedder = await Task.Run(() => _load(model));
            if (embedder is null)
            {
                if (_missing.Count >= 64)
                    _missing.Clear();
                _missing[model] = Environment.TickCount64;
                return null;
            }
            _missing.TryRemove(model, out _);
            EmbedderBatcher batcher = Add(model, embedder);
            while (_loaded.Count > Math.Max(1, _options.Value.MaxModels) && Oldest(except: model) is { } oldest)
                await Task.Run(() => Remove(oldest));
            return batcher;
        }
        finally
        {
            _loading.Release();
        }
    }

    private EmbedderBatcher Add(string model, IFaceEmbedder embedder)
    {
        EmbedderBatcher batcher = new(embedder, _options);
        _loaded[model] = new Loaded(embedder, batcher) { UsedAt = Environment.TickCount64 };
        return batcher;
    }

    /// <summary>The embedder of the start stays whatever happens.</summary>
    private string? Oldest(string except) => _loaded.Where(l => l.Key != except && !ReferenceEquals(l.Value.Embedder, Standard)).OrderBy(l => l.Value.UsedAt).FirstOrDefault().Key;

    /// <summary>What waits in the batcher is still embedded; later crops are refused as overloaded and come again to the next one.</summary>
    private void Remove(string model)
    {
        if (!_loaded.TryRemove(model, out Loaded? loaded))
            return;
        loaded.Batcher.Dispose();
        loaded.Embedder.Dispose();
    }
}

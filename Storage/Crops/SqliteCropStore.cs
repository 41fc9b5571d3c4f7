using FaceSearch.Storage.Files;

namespace FaceSearch.Storage.Crops;

/// <summary>Retained images in SQLite files, one a gallery, under a data folder; one process at a time (<see cref="DataFolderLock"/>).</summary>
/// <param name="data">The folder.</param>
/// <param name="masterKeyFile">Where the master key is; null: <c>crops/master.key</c> in the folder.</param>
public sealed class SqliteCropStore(DataFolder data, string? masterKeyFile = null) : ICropStore, IAsyncDisposable, IDisposable
{
    private readonly Dictionary<string, CropVault> _open = new(StringComparer.Ordinal);
    private readonly MasterKey _master = new(masterKeyFile ?? Path.Combine(data.Crops, "master.key"));
    private readonly SemaphoreSlim _opening = new(1);

    public async ValueTask PutAsync(string gallery, string identity, IReadOnlyList<RetainedImage> images, CancellationToken cancellationToken = default)
    {
        CropVault vault = (await FindAsync(gallery, make: true, cancellationToken).ConfigureAwait(false))!;
        await vault.PutAsync(identity, images).ConfigureAwait(false);
    }

    public async ValueTask<RetainedImages> ReadAsync(string gallery, IReadOnlyList<TemplateId> templates, ImageKind kind, CancellationToken cancellationToken = default) =>
        await FindAsync(gallery, make: false, cancellationToken).ConfigureAwait(false) is { } vault
            ? await vault.ReadAsync(templates, kind).ConfigureAwait(false)
            : new RetainedImages([], []);

    public async ValueTask<IReadOnlyList<TemplateId>> HavingAsync(string gallery, IReadOnlyList<TemplateId> templates, ImageKind kind, CancellationToken cancellationToken = default) =>
        await FindAsync(gallery, make: false, cancellationToken).ConfigureAwait(false) is { } vault
            ? await vault.HavingAsync(templates, kind).ConfigureAwait(false)
            : [];

    public async ValueTask<int> EraseAsync(string gallery, IReadOnlyList<TemplateId> templates, CancellationToken cancellationToken = default) =>
        templates.Count > 0 && await FindAsync(gallery, make: false, cancellationToken).ConfigureAwait(false) is { } vault
            ? await vault.EraseAsync(templates).ConfigureAwait(false)
            : 0;

    public async ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default)
    {
        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_open.Remove(gallery, out CropVault? vault))
                await vault.DisposeAsync().ConfigureAwait(false);
            await Task.Run(() => DurableFolder.Delete(data.GalleryCrops(gallery)), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _opening.Release();
        }
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    public async ValueTask DisposeAsync()
    {
        foreach (CropVault vault in _open.Values)
            await vault.DisposeAsync().ConfigureAwait(false);
        _open.Clear();
        _opening.Dispose();
    }

    private async Task<CropVault?> FindAsync(string gallery, bool make, CancellationToken cancellationToken)
    {
        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_open.TryGetValue(gallery, out CropVault? vault))
                return vault;
            string folder = data.GalleryCrops(gallery);
            return make || Directory.Exists(folder) ? _open[gallery] = new CropVault(gallery, folder, _master) : null;
        }
        finally
        {
            _opening.Release();
        }
    }
}

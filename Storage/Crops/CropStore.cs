using System.Runtime.CompilerServices;
using FaceSearch.Storage.Backup;

namespace FaceSearch.Storage.Crops;

/// <summary>Retained images, one vault a gallery; what keeps the rows is the derived class's.</summary>
public abstract class CropStore : ICropStore, ICropArchive, IAsyncDisposable, IDisposable
{
    private readonly Dictionary<string, CropVault> _open = new(StringComparer.Ordinal);
    private readonly MasterKey _master;
    private readonly SemaphoreSlim _opening = new(1);

    private protected CropStore(string masterKeyFile) => _master = new MasterKey(masterKeyFile);

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
            await CloseAsync(gallery).ConfigureAwait(false);
            await DropAsync(gallery, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _opening.Release();
        }
    }

    Task<IReadOnlyList<string>> ICropArchive.ListAsync(CancellationToken cancellationToken) => ListAsync(cancellationToken);

    async IAsyncEnumerable<CropRow> ICropArchive.ExportAsync(string gallery, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using ICropTables tables = OpenToRead(gallery);
        using IEnumerator<CropRow> rows = tables.Rows().GetEnumerator();
        while (Guard(tables, rows.MoveNext))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return rows.Current;
        }
        await Task.CompletedTask.ConfigureAwait(false);
    }

    async Task ICropArchive.ImportAsync(string gallery, IAsyncEnumerable<CropRow> rows, CancellationToken cancellationToken)
    {
        using ICropTables tables = Open(gallery);
        try
        {
            await CropRowCopy.WriteAsync(tables, rows, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (tables.Translate(e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    public void Dispose()
    {
        DisposeAsync().AsTask().GetAwaiter().GetResult();
        GC.SuppressFinalize(this);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string gallery in _open.Keys.ToList())
            await CloseAsync(gallery).ConfigureAwait(false);
        _opening.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Whether a gallery has rows.</summary>
    /// <param name="gallery">Its id.</param>
    /// <param name="known">Whether this process has them open.</param>
    /// <param name="cancellationToken">To give up.</param>
    private protected abstract ValueTask<bool> ExistsAsync(string gallery, bool known, CancellationToken cancellationToken);

    /// <summary>Galleries that have rows.</summary>
    private protected abstract Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Opens a gallery's rows; makes them at need.</summary>
    private protected abstract ICropTables Open(string gallery);

    /// <summary>Opens a gallery's rows for a copy, beside whoever writes them.</summary>
    private protected virtual ICropTables OpenToRead(string gallery) => Open(gallery);

    private protected abstract Task DropAsync(string gallery, CancellationToken cancellationToken);

    private async Task<CropVault?> FindAsync(string gallery, bool make, CancellationToken cancellationToken)
    {
        await _opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            bool known = _open.TryGetValue(gallery, out CropVault? vault);
            if (!make && !await ExistsAsync(gallery, known, cancellationToken).ConfigureAwait(false))
            {
                await CloseAsync(gallery).ConfigureAwait(false);
                return null;
            }
            return vault ?? (_open[gallery] = new CropVault(gallery, () => Open(gallery), _master));
        }
        finally
        {
            _opening.Release();
        }
    }

    private static bool Guard(ICropTables tables, Func<bool> next)
    {
        try
        {
            return next();
        }
        catch (Exception e) when (tables.Translate(e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    private async Task CloseAsync(string gallery)
    {
        if (_open.Remove(gallery, out CropVault? vault))
            await vault.DisposeAsync().ConfigureAwait(false);
    }
}

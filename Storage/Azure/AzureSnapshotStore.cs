using System.Collections.Concurrent;
using System.Globalization;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using FaceSearch.Storage.Files;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Snapshots as block blobs <c>GALLERY/gN/sN/LSN-EPOCH-RANDOM/FILE</c>; the blob <c>manifest</c> comes last and makes them a snapshot.
/// What is opened is downloaded into <see cref="LocalCache"/> and verified there.
/// </summary>
public sealed class AzureSnapshotStore(AzureStorageOptions options, LocalCache cache) : ISnapshotStore
{
    private const int Kept = 2;
    private readonly AzureAccount _account = new(options);
    private readonly ConcurrentDictionary<string, bool> _drafts = [];
    private readonly ConcurrentDictionary<string, string> _local = [];

    private BlobContainerClient Container => _account.Blobs.GetBlobContainerClient(options.SnapshotContainer);

    public ValueTask<SnapshotInfo> WriteAsync(ShardId shard, SnapshotLabel label, Func<string, CancellationToken, ValueTask> write, CancellationToken cancellationToken = default) => AskAsync(async () =>
    {
        string prefix = AzureTemplateLogProvider.Prefix(shard);
        string name = string.Create(CultureInfo.InvariantCulture, $"{label.Lsn:x16}-{label.Epoch:x8}-{Guid.NewGuid():n}");
        string draft = cache.NewFolder("draft");
        _drafts[prefix + name] = true;
        bool done = false;
        try
        {
            Directory.CreateDirectory(draft);
            await write(draft, cancellationToken).ConfigureAwait(false);
            await _account.EnsureContainerAsync(options.SnapshotContainer, cancellationToken).ConfigureAwait(false);
            SnapshotManifest manifest = await Task.Run(() => Describe(shard, label, draft), cancellationToken).ConfigureAwait(false);
            foreach (SnapshotManifest.Entry entry in manifest.Files)
                await Container.GetBlobClient($"{prefix}{name}/{entry.Path}").UploadAsync(Path.Combine(draft, entry.Path), overwrite: true, cancellationToken).ConfigureAwait(false);
            await Container.GetBlobClient($"{prefix}{name}/{SnapshotManifest.FileName}").UploadAsync(new BinaryData(manifest.Encode()), overwrite: true, cancellationToken).ConfigureAwait(false);
            done = true;
            foreach (SnapshotInfo old in (await FindAsync(shard, cancellationToken).ConfigureAwait(false)).Select(f => f.Info).OfType<SnapshotInfo>().Skip(Kept).Where(s => s.Name != name))
                await DeleteAsync($"{prefix}{old.Name}", cancellationToken).ConfigureAwait(false);
            return Info(name, manifest);
        }
        finally
        {
            LocalCache.Delete(draft);
            if (!done)
                await TryDeleteAsync(prefix + name).ConfigureAwait(false);
            _drafts.TryRemove(prefix + name, out _);
        }
    }, cancellationToken);

    public ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(ShardId shard, CancellationToken cancellationToken = default) =>
        AskAsync<IReadOnlyList<SnapshotInfo>>(async () => [.. (await FindAsync(shard, cancellationToken).ConfigureAwait(false)).Select(f => f.Info).OfType<SnapshotInfo>()], cancellationToken);

    public ValueTask<string> OpenAsync(SnapshotInfo snapshot, CancellationToken cancellationToken = default) => AskAsync(async () =>
    {
        string blobs = $"{AzureTemplateLogProvider.Prefix(snapshot.Shard)}{snapshot.Name}";
        SnapshotManifest? manifest = await ManifestAsync(blobs, cancellationToken).ConfigureAwait(false);
        if (manifest is null || manifest.Shard != snapshot.Shard || manifest.Label != snapshot.Label)
            throw new SnapshotDamagedException(snapshot.Name, "its manifest is missing, unreadable or another one's");
        if (_local.TryGetValue(blobs, out string? known) && await IsSoundAsync(manifest, known, cancellationToken).ConfigureAwait(false) is null)
            return known;
        string folder = cache.NewFolder("snapshot");
        try
        {
            foreach (SnapshotManifest.Entry entry in manifest.Files)
            {
                string file = Inside(folder, entry.Path) ?? throw new SnapshotDamagedException(snapshot.Name, "a file's path leads out of its folder");
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                await Container.GetBlobClient($"{blobs}/{entry.Path}").DownloadToAsync(file, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (RequestFailedException e) when (AzureErrors.IsNotFound(e))
        {
            LocalCache.Delete(folder);
            throw new SnapshotDamagedException(snapshot.Name, "a file is missing", e);
        }
        if (await IsSoundAsync(manifest, folder, cancellationToken).ConfigureAwait(false) is { } broken)
        {
            LocalCache.Delete(folder);
            throw new SnapshotDamagedException(snapshot.Name, $"file {broken} contradicts its length or checksum");
        }
        _local[blobs] = folder;
        return folder;
    }, cancellationToken);

    public ValueTask<int> DeleteBeforeAsync(ShardId shard, long lsn, CancellationToken cancellationToken = default) => AskAsync(async () =>
    {
        string prefix = AzureTemplateLogProvider.Prefix(shard);
        int deleted = 0;
        foreach ((string name, SnapshotInfo? info, bool complete) in await FindAsync(shard, cancellationToken).ConfigureAwait(false))
        {
            if ((complete && info!.Label.Lsn >= lsn) || _drafts.ContainsKey(prefix + name))
                continue;
            await DeleteAsync(prefix + name, cancellationToken).ConfigureAwait(false);
            deleted++;
        }
        return deleted;
    }, cancellationToken);

    public async ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default) =>
        await DeleteUnderAsync($"{AzureTemplateLogProvider.Checked(gallery)}/", cancellationToken).ConfigureAwait(false);

    public async ValueTask DeleteGenerationAsync(string gallery, int generation, CancellationToken cancellationToken = default) =>
        await DeleteUnderAsync(string.Create(CultureInfo.InvariantCulture, $"{AzureTemplateLogProvider.Checked(gallery)}/g{generation}/"), cancellationToken).ConfigureAwait(false);

    private ValueTask<bool> DeleteUnderAsync(string prefix, CancellationToken cancellationToken) => AskAsync(async () =>
    {
        if (!await Container.ExistsAsync(cancellationToken).ConfigureAwait(false))
            return false;
        foreach (string name in await LogParts.ListAsync(Container, prefix, cancellationToken).ConfigureAwait(false))
            await LogParts.DeleteBlobAsync(Container, name, cancellationToken).ConfigureAwait(false);
        foreach (string blobs in _local.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)))
            Forget(blobs);
        return true;
    }, cancellationToken);

    /// <summary>All that a shard has, newest first: also what has no readable manifest, and whether every file is there in its length.</summary>
    private async Task<List<(string Name, SnapshotInfo? Info, bool Complete)>> FindAsync(ShardId shard, CancellationToken cancellationToken)
    {
        string prefix = AzureTemplateLogProvider.Prefix(shard);
        Dictionary<string, Dictionary<string, long>> stored = [];
        try
        {
            await foreach (BlobItem item in Container.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, cancellationToken).ConfigureAwait(false))
            {
                string[] parts = item.Name[prefix.Length..].Split('/', 2);
                if (!stored.TryGetValue(parts[0], out Dictionary<string, long>? files))
                    stored[parts[0]] = files = [];
                files[parts.Length > 1 ? parts[1] : ""] = item.Properties.ContentLength ?? -1;
            }
        }
        catch (RequestFailedException e) when (AzureErrors.IsNotFound(e))
        {
            return []; // No container yet.
        }
        List<(string Name, SnapshotInfo? Info, bool Complete)> found = [];
        foreach ((string name, Dictionary<string, long> files) in stored)
        {
            SnapshotManifest? manifest = files.ContainsKey(SnapshotManifest.FileName) ? await ManifestAsync(prefix + name, cancellationToken).ConfigureAwait(false) : null;
            bool ours = manifest?.Shard == shard;
            found.Add((name, ours ? Info(name, manifest!) : null, ours && manifest!.Files.All(f => files.TryGetValue(f.Path, out long length) && length == f.Length)));
        }
        return [.. found.OrderByDescending(f => f.Info is { } i ? (i.Label.Lsn, i.Label.Epoch, i.Label.CreatedAt) : (-1, 0, default))];
    }

    private async Task<SnapshotManifest?> ManifestAsync(string blobs, CancellationToken cancellationToken)
    {
        try
        {
            BlobDownloadResult read = await Container.GetBlobClient($"{blobs}/{SnapshotManifest.FileName}").DownloadContentAsync(cancellationToken).ConfigureAwait(false);
            return SnapshotManifest.Decode(read.Content.ToMemory().Span);
        }
        catch (RequestFailedException e) when (AzureErrors.IsNotFound(e))
        {
            return null;
        }
    }

    /// <summary>Deletes a snapshot, its manifest first, and the local copy.</summary>
    private async Task DeleteAsync(string blobs, CancellationToken cancellationToken)
    {
        await LogParts.DeleteBlobAsync(Container, $"{blobs}/{SnapshotManifest.FileName}", cancellationToken).ConfigureAwait(false);
        foreach (string name in await LogParts.ListAsync(Container, $"{blobs}/", cancellationToken).ConfigureAwait(false))
            await LogParts.DeleteBlobAsync(Container, name, cancellationToken).ConfigureAwait(false);
        Forget(blobs);
    }

    private async Task TryDeleteAsync(string blobs)
    {
        try
        {
            await DeleteAsync(blobs, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (AzureErrors.IsService(e))
        {
            // The next DeleteBeforeAsync takes what is left.
        }
    }

    private void Forget(string blobs)
    {
        if (_local.TryRemove(blobs, out string? folder))
            LocalCache.Delete(folder);
    }

    private static SnapshotManifest Describe(ShardId shard, SnapshotLabel label, string draft) => new()
    {
        Shard = shard,
        Label = label,
        Files = [.. Directory.EnumerateFiles(draft, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(f => SnapshotManifest.Describe(draft, Path.GetRelativePath(draft, f).Replace('\\', '/'), flush: false))],
    };

    /// <summary>Null if every file in the folder is as the manifest says, else the first that is not.</summary>
    private static Task<string?> IsSoundAsync(SnapshotManifest manifest, string folder, CancellationToken cancellationToken) => Task.Run(() =>
        manifest.Files.FirstOrDefault(f => !File.Exists(Path.Combine(folder, f.Path)) || SnapshotManifest.Describe(folder, f.Path, flush: false) != f)?.Path, cancellationToken);

    private static string? Inside(string folder, string path)
    {
        string full = Path.GetFullPath(Path.Combine(folder, path));
        return full.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal) ? full : null;
    }

    private static SnapshotInfo Info(string name, SnapshotManifest manifest) => new(manifest.Shard, manifest.Label, name, manifest.Files.Sum(f => f.Length));

    private static async ValueTask<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is RequestFailedException or AggregateException && AzureErrors.IsService(e))
        {
            throw AzureErrors.Unavailable("The snapshots", e);
        }
    }
}

using System.Collections.Concurrent;
using System.Globalization;

namespace FaceSearch.Storage.Files;

/// <summary>
/// Snapshots as folders of files under a data folder: <c>snapshots/GALLERY/gN/sN/LSN-EPOCH-RANDOM/</c>. A folder appears
/// complete or not at all, because it is written under another name, flushed and renamed.
/// </summary>
public sealed class FileSnapshotStore(DataFolder data) : ISnapshotStore
{
    private const int Kept = 2;
    private readonly ConcurrentDictionary<string, bool> _drafts = [];

    public async ValueTask<SnapshotInfo> WriteAsync(ShardId shard, SnapshotLabel label, Func<string, CancellationToken, ValueTask> write, CancellationToken cancellationToken = default)
    {
        string folder = data.ShardSnapshots(shard);
        string draft = Path.Combine(folder, DurableFolder.DoomedPrefix + Guid.NewGuid().ToString("n"));
        _drafts[draft] = true;
        try
        {
            DurableFolder.Create(folder);
            Directory.CreateDirectory(draft);
            await write(draft, cancellationToken).ConfigureAwait(false);
            return await Task.Run(() => Publish(shard, label, draft, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (Directory.Exists(draft))
                Directory.Delete(draft, recursive: true);
            _drafts.TryRemove(draft, out _);
        }
    }

    public ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(ShardId shard, CancellationToken cancellationToken = default) => new(List(shard));

    public async ValueTask<string> OpenAsync(SnapshotInfo snapshot, CancellationToken cancellationToken = default) => await Task.Run(() =>
    {
        string folder = Path.Combine(data.ShardSnapshots(snapshot.Shard), snapshot.Name);
        try
        {
            SnapshotManifest? manifest = Manifest(folder);
            if (manifest is null || manifest.Shard != snapshot.Shard || manifest.Label != snapshot.Label)
                throw new SnapshotDamagedException(snapshot.Name, "its manifest is missing, unreadable or another one's");
            foreach (SnapshotManifest.Entry entry in manifest.Files)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (SnapshotManifest.Describe(folder, entry.Path, flush: false) != entry)
                    throw new SnapshotDamagedException(snapshot.Name, $"file {entry.Path} contradicts its length or checksum");
            }
            return folder;
        }
        catch (IOException e)
        {
            throw new SnapshotDamagedException(snapshot.Name, "a file is missing or cannot be read", e);
        }
    }, cancellationToken).ConfigureAwait(false);

    public ValueTask<int> DeleteBeforeAsync(ShardId shard, long lsn, CancellationToken cancellationToken = default)
    {
        string folder = data.ShardSnapshots(shard);
        HashSet<string> sound = [.. List(shard).Where(s => s.Label.Lsn >= lsn && IsComplete(Path.Combine(folder, s.Name))).Select(s => s.Name)];
        int deleted = 0;
        foreach (string name in Names(folder))
        {
            if (!sound.Contains(name) && DurableFolder.Delete(Path.Combine(folder, name)))
                deleted++;
        }
        DurableFolder.Sweep(folder, _drafts.ContainsKey);
        return new(deleted);
    }

    public ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default)
    {
        DurableFolder.Delete(data.GallerySnapshots(gallery));
        return ValueTask.CompletedTask;
    }

    public ValueTask DeleteGenerationAsync(string gallery, int generation, CancellationToken cancellationToken = default)
    {
        DurableFolder.Delete(data.GenerationSnapshots(gallery, generation));
        return ValueTask.CompletedTask;
    }

    private SnapshotInfo Publish(ShardId shard, SnapshotLabel label, string draft, CancellationToken cancellationToken)
    {
        var entries = new List<SnapshotManifest.Entry>();
        foreach (string file in Directory.EnumerateFiles(draft, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            entries.Add(SnapshotManifest.Describe(draft, Path.GetRelativePath(draft, file).Replace('\\', '/'), flush: true));
        }
        var manifest = new SnapshotManifest { Shard = shard, Label = label, Files = entries };
        using (var file = new FileStream(Path.Combine(draft, SnapshotManifest.FileName), FileMode.CreateNew))
        {
            file.Write(manifest.Encode());
            file.Flush(flushToDisk: true);
        }
        foreach (string inner in Directory.EnumerateDirectories(draft, "*", SearchOption.AllDirectories).Append(draft))
            DurableFolder.Flush(inner);
        string name = string.Create(CultureInfo.InvariantCulture, $"{label.Lsn:x16}-{label.Epoch:x8}-{Guid.NewGuid():n}");
        string folder = data.ShardSnapshots(shard);
        DurableFolder.Rename(draft, Path.Combine(folder, name));
        foreach (SnapshotInfo old in List(shard).Skip(Kept).Where(s => s.Name != name))
            DurableFolder.Delete(Path.Combine(folder, old.Name));
        return Info(name, manifest);
    }

    private List<SnapshotInfo> List(ShardId shard)
    {
        string folder = data.ShardSnapshots(shard);
        var found = new List<SnapshotInfo>();
        foreach (string name in Names(folder))
        {
            if (Manifest(Path.Combine(folder, name)) is { } manifest && manifest.Shard == shard)
                found.Add(Info(name, manifest));
        }
        found.Sort((a, b) => (b.Label.Lsn, b.Label.Epoch, b.Label.CreatedAt).CompareTo((a.Label.Lsn, a.Label.Epoch, a.Label.CreatedAt)));
        return found;
    }

    private static SnapshotInfo Info(string name, SnapshotManifest manifest) => new(manifest.Shard, manifest.Label, name, manifest.Files.Sum(f => f.Length));

    private static IEnumerable<string> Names(string folder) => !Directory.Exists(folder) ? []
        : Directory.EnumerateDirectories(folder).Select(d => Path.GetFileName(d)).Where(n => !n.StartsWith(DurableFolder.DoomedPrefix, StringComparison.Ordinal));

    private static SnapshotManifest? Manifest(string folder)
    {
        try
        {
            return SnapshotManifest.Decode(File.ReadAllBytes(Path.Combine(folder, SnapshotManifest.FileName)));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>A cheap look, without reading contents: every file is there in its length.</summary>
    private static bool IsComplete(string folder) => Manifest(folder)?.Files.All(f => new FileInfo(Path.Combine(folder, f.Path)) is { Exists: true } file && file.Length == f.Length) == true;
}

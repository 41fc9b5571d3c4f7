using System.Globalization;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Backup;

/// <summary>
/// Writes a backup into a new folder while silos may serve (docs/backup.md says why the whole is sound). The manifest comes last: a folder
/// without one is no backup.
/// </summary>
/// <param name="stores">What is copied.</param>
/// <param name="folder">Must not exist, or be empty.</param>
/// <param name="secret">Null: not encrypted.</param>
/// <param name="time">The clock.</param>
/// <param name="progress">Hears of each part; null: nobody.</param>
public sealed class BackupWriter(BackupStores stores, string folder, BackupSecret? secret, TimeProvider time, Action<BackupProgress>? progress = null)
{
    internal const string GrainsFile = "grains", ModelsPrefix = "models/";

    /// <summary>How often a gallery is copied again whose shards became others meanwhile.</summary>
    private const int MostAttempts = 8;

    private readonly BackupKey? _key = secret is null ? null : BackupKey.New(secret);
    private readonly List<BackupManifest.FileEntry> _files = [];
    private readonly List<BackupManifest.LogFileEntry> _logs = [];
    private readonly List<BackupManifest.ImagesEntry> _images = [];
    private readonly List<SavedState> _states = [];
    private int _partsTotal;

    /// <exception cref="BackupRefusedException">The folder holds something, or a gallery does not keep its shape long enough.</exception>
    /// <exception cref="LogDamagedException">A log does not add up; there is no backup then.</exception>
    public async Task<BackupManifest> RunAsync(CancellationToken cancellationToken = default)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new BackupRefusedException($"{folder} is not empty; a backup goes into a folder of its own.");
        BackupFolder.Make(folder);
        DateTimeOffset began = time.GetUtcNow();
        IReadOnlyList<string> galleries = await stores.Frame.ListAsync(cancellationToken).ConfigureAwait(false);
        _partsTotal = (await stores.LogArchive.ListAsync(null, cancellationToken).ConfigureAwait(false)).Count;
        List<string> copied = [];
        foreach (string gallery in galleries)
        {
            if (await GalleryAsync(gallery, cancellationToken).ConfigureAwait(false))
                copied.Add(gallery);
        }
        _states.AddRange(await stores.Frame.RestAsync(copied, cancellationToken).ConfigureAwait(false));
        // After the registry: a model that it names has its files by then.
        foreach (string model in stores.Models())
            Model(model, cancellationToken);
        await StatesAsync().ConfigureAwait(false);
        BackupManifest manifest = new()
        {
            CreatedAt = began,
            EndedAt = time.GetUtcNow(),
            Source = stores.Logs.Description,
            Encryption = _key is null ? null : new(_key.Derivation, _key.Salt, _key.Rounds),
            Logs = _logs,
            Images = _images,
            GrainStates = _states.Count,
            Files = _files,
        };
        Publish(manifest);
        return manifest;
    }

    /// <summary>Copies one gallery; false if it was deleted meanwhile, and then nothing of it is kept.</summary>
    private async Task<bool> GalleryAsync(string gallery, CancellationToken cancellationToken)
    {
        for (int attempt = 0; attempt < MostAttempts; attempt++)
        {
            if (await stores.Frame.ReadAsync(gallery, cancellationToken).ConfigureAwait(false) is not { } shape)
                return false;
            (int logs, int images, int files) = (_logs.Count, _images.Count, _files.Count);
            StorageException? failure = null;
            try
            {
                await CopyAsync(shape, cancellationToken).ConfigureAwait(false);
            }
            catch (StorageException e)
            {
                failure = e; // Of a gallery that is being deleted, perhaps.
            }
            GalleryShape? after = await stores.Frame.ReadAsync(gallery, cancellationToken).ConfigureAwait(false);
            if (failure is not null && after is not null && after.HasLogsOf(shape))
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
            if (failure is null && after is not null && after.HasLogsOf(shape))
            {
                _states.AddRange(after.States);
                return true;
            }
            foreach (BackupManifest.FileEntry file in _files.Skip(files))
                File.Delete(Path.Combine(folder, file.Path));
            _files.RemoveRange(files, _files.Count - files);
            _logs.RemoveRange(logs, _logs.Count - logs);
            _images.RemoveRange(images, _images.Count - images);
        }
        throw new BackupRefusedException($"The shards of gallery '{gallery}' became others each time they were copied: try again when it grows less, or when its re-embedding has switched.");
    }

    /// <summary>
    /// Images first: an image is stored after its template was committed, so that the log, read later, knows every template that has one
    /// here, and destroys the images of those that it knows as removed when it is opened.
    /// </summary>
    private async Task CopyAsync(GalleryShape shape, CancellationToken cancellationToken)
    {
        if ((await stores.ImageArchive.ListAsync(cancellationToken).ConfigureAwait(false)).Contains(shape.Gallery))
            _images.Add(await ImagesAsync(shape.Gallery, cancellationToken).ConfigureAwait(false));
        HashSet<ShardId> there = [.. await stores.LogArchive.ListAsync(shape.Gallery, cancellationToken).ConfigureAwait(false)];
        foreach (ShardId shard in Enumerable.Range(0, shape.Shards).Select(n => new ShardId(shape.Gallery, shape.Generation, n)).Where(there.Contains))
            _logs.Add(await LogAsync(shard, cancellationToken).ConfigureAwait(false));
    }

    private async Task<BackupManifest.LogFileEntry> LogAsync(ShardId shard, CancellationToken cancellationToken)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"logs/{shard.Gallery}/g{shard.Generation}/s{shard.Shard}");
        MetaRow? head = null;
        LogTally? tally = null;
        LogHead proven = default;
        await FileAsync(path, async w =>
        {
            await foreach (LogChunk chunk in stores.LogArchive.ExportAsync(shard, cancellationToken).ConfigureAwait(false))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (chunk is LogChunk.Head first)
                    (head, tally) = (first.Row, new LogTally(first.Row, new RowHasher()));
                chunk.AddTo(tally!);
                LogChunkCodec.Write(w, chunk);
            }
            LogChunkCodec.WriteEnd(w);
            proven = tally!.Prove();
        }).ConfigureAwait(false);
        if (head!.Shard != shard)
            throw new LogDamagedException(shard, $"it belongs to shard {head.Shard}");
        Tell(string.Create(CultureInfo.InvariantCulture, $"shard {shard}: {proven.Identities} identities, {proven.Templates} templates at LSN {proven.Lsn}"), 1, proven.Templates);
        return new(path, shard.Gallery, shard.Generation, shard.Shard, proven.Lsn, proven.Identities, proven.Templates, Hex(proven.Digest));
    }

    private async Task<BackupManifest.ImagesEntry> ImagesAsync(string gallery, CancellationToken cancellationToken)
    {
        string path = $"images/{gallery}";
        CropTally tally = new();
        await FileAsync(path, async w =>
        {
            await foreach (CropRow row in CropRowCopy.Coherent(stores.ImageArchive.ExportAsync(gallery, cancellationToken)).ConfigureAwait(false))
            {
                cancellationToken.ThrowIfCancellationRequested();
                CropRowCodec.Write(w, tally.Add(row));
            }
            CropRowCodec.WriteEnd(w);
        }).ConfigureAwait(false);
        Tell(string.Create(CultureInfo.InvariantCulture, $"gallery {gallery}: {tally.Images} retained images"));
        return new(path, gallery, tally.People, tally.Keys, tally.Images, Hex(tally.Digest));
    }

    private void Model(string model, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Path.GetFileName(model).StartsWith('.'))
            return; // Being written.
        using BackupFileWriter file = new(folder, ModelsPrefix + model, _key);
        using (FileStream source = File.OpenRead(Path.Combine(stores.ModelsFolder!, model)))
            source.CopyTo(file, 1 << 20);
        End(ModelsPrefix + model, file);
        Tell($"model file {model}");
    }

    private async Task StatesAsync()
    {
        await FileAsync(GrainsFile, w =>
        {
            w.Write(_states.Count);
            foreach (SavedState state in _states)
            {
                w.Write(state.Name.State);
                w.Write(state.Name.Grain.ToString());
                w.Write(state.Bytes.Length);
                w.Write(state.Bytes);
            }
            return Task.CompletedTask;
        }).ConfigureAwait(false);
        Tell(string.Create(CultureInfo.InvariantCulture, $"{_states.Count} grain states"));
    }

    /// <summary>Writes one file; one that was not finished is deleted.</summary>
    private async Task FileAsync(string path, Func<BinaryWriter, Task> write)
    {
        using BackupFileWriter file = new(folder, path, _key);
        try
        {
            using BinaryWriter w = new(file, System.Text.Encoding.UTF8, leaveOpen: true);
            await write(w).ConfigureAwait(false);
            End(path, file);
        }
        catch
        {
            File.Delete(Path.Combine(folder, path));
            throw;
        }
    }

    private void End(string path, BackupFileWriter file)
    {
        (long length, string sha256) = file.Finish();
        _files.Add(new(path, length, sha256));
    }

    private int _parts;
    private long _templates;

    private void Tell(string line, int parts = 0, long templates = 0)
    {
        (_parts, _templates) = (_parts + parts, _templates + templates);
        progress?.Invoke(new(line, _parts, Math.Max(_parts, _partsTotal), _templates, _files.Sum(f => f.Length)));
    }

    private void Publish(BackupManifest manifest)
    {
        foreach (string inner in Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories))
            DurableFolder.Flush(inner);
        string draft = Path.Combine(folder, BackupManifest.FileName + ".unfinished");
        using (FileStream file = BackupFolder.NewFile(draft))
        {
            file.Write(manifest.Encode(_key));
            file.Flush(flushToDisk: true);
        }
        File.Move(draft, Path.Combine(folder, BackupManifest.FileName));
        DurableFolder.Flush(folder);
    }

    internal static string Hex(ulong digest) => digest.ToString("x16", CultureInfo.InvariantCulture);
}

using System.Globalization;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Backup;

/// <summary>Writes a backup into a new folder (docs/backup.md). The manifest comes last: a folder without one is no backup.</summary>
/// <param name="stores">What is copied.</param>
/// <param name="folder">Must not exist, or be empty.</param>
/// <param name="secret">Null: not encrypted.</param>
/// <param name="time">The clock.</param>
/// <param name="progress">Hears a line about each part; null: nobody.</param>
public sealed class BackupWriter(BackupStores stores, string folder, BackupSecret? secret, TimeProvider time, Action<string>? progress = null)
{
    internal const string GrainsFile = "grains", ModelsPrefix = "models/";

    private readonly BackupKey? _key = secret is null ? null : BackupKey.New(secret);
    private readonly List<BackupManifest.FileEntry> _files = [];

    /// <exception cref="BackupRefusedException">The folder holds something.</exception>
    /// <exception cref="LogDamagedException">A log does not add up; there is no backup then.</exception>
    public async Task<BackupManifest> RunAsync(CancellationToken cancellationToken = default)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new BackupRefusedException($"{folder} is not empty; a backup goes into a folder of its own.");
        BackupFolder.Make(folder);
        DateTimeOffset began = time.GetUtcNow();
        List<BackupManifest.LogFileEntry> logs = [];
        foreach (ShardId shard in await stores.LogArchive.ListAsync(cancellationToken).ConfigureAwait(false))
            logs.Add(await LogAsync(shard, cancellationToken).ConfigureAwait(false));
        List<BackupManifest.ImagesEntry> images = [];
        foreach (string gallery in await stores.ImageArchive.ListAsync(cancellationToken).ConfigureAwait(false))
            images.Add(Images(gallery, cancellationToken));
        foreach (string model in stores.Models())
            Model(model);
        int states = await StatesAsync(cancellationToken).ConfigureAwait(false);
        BackupManifest manifest = new()
        {
            CreatedAt = began,
            Source = stores.Logs.Description,
            Encryption = _key is null ? null : new(_key.Derivation, _key.Salt, _key.Rounds),
            Logs = logs,
            Images = images,
            GrainStates = states,
            Files = _files,
        };
        Publish(manifest);
        return manifest;
    }

    private async Task<BackupManifest.LogFileEntry> LogAsync(ShardId shard, CancellationToken cancellationToken)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"logs/{shard.Gallery}/g{shard.Generation}/s{shard.Shard}");
        MetaRow? head = null;
        LogTally? tally = null;
        await FileAsync(path, async w =>
        {
            await foreach (LogChunk chunk in stores.LogArchive.ExportAsync(shard, cancellationToken).ConfigureAwait(false))
            {
                if (chunk is LogChunk.Head first)
                    (head, tally) = (first.Row, new LogTally(first.Row, new RowHasher()));
                chunk.AddTo(tally!);
                LogChunkCodec.Write(w, chunk);
            }
            LogChunkCodec.WriteEnd(w);
        }).ConfigureAwait(false);
        LogHead proven = tally!.Prove();
        if (head!.Shard != shard)
            throw new LogDamagedException(shard, $"it belongs to shard {head.Shard}");
        progress?.Invoke(string.Create(CultureInfo.InvariantCulture, $"shard {shard}: {proven.Identities} identities, {proven.Templates} templates at LSN {proven.Lsn}"));
        return new(path, shard.Gallery, shard.Generation, shard.Shard, proven.Lsn, proven.Identities, proven.Templates, Hex(proven.Digest));
    }

    private BackupManifest.ImagesEntry Images(string gallery, CancellationToken cancellationToken)
    {
        string path = $"images/{gallery}";
        CropTally tally = new();
        FileAsync(path, w =>
        {
            foreach (CropRow row in stores.ImageArchive.Export(gallery))
            {
                cancellationToken.ThrowIfCancellationRequested();
                CropRowCodec.Write(w, tally.Add(row));
            }
            CropRowCodec.WriteEnd(w);
            return Task.CompletedTask;
        }).GetAwaiter().GetResult();
        progress?.Invoke(string.Create(CultureInfo.InvariantCulture, $"gallery {gallery}: {tally.Images} retained images"));
        return new(path, gallery, tally.People, tally.Keys, tally.Images, Hex(tally.Digest));
    }

    private void Model(string model)
    {
        using BackupFileWriter file = new(folder, ModelsPrefix + model, _key);
        using (FileStream source = File.OpenRead(Path.Combine(stores.ModelsFolder!, model)))
            source.CopyTo(file, 1 << 20);
        End(ModelsPrefix + model, file);
        progress?.Invoke($"model file {model}");
    }

    private async Task<int> StatesAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<GrainStateName> names = await stores.States.FindAsync(stores.GrainStates, stores.Names, cancellationToken).ConfigureAwait(false);
        await FileAsync(GrainsFile, async w =>
        {
            w.Write(names.Count);
            foreach (GrainStateName name in names)
            {
                byte[] bytes = await stores.States.ReadAsync(name).ConfigureAwait(false)
                    ?? throw new BackupRefusedException($"State '{name.State}' of grain {name.Grain} is gone or cannot be found under its name: try again.");
                w.Write(name.State);
                w.Write(name.Grain.ToString());
                w.Write(bytes.Length);
                w.Write(bytes);
            }
        }).ConfigureAwait(false);
        progress?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{names.Count} grain states"));
        return names.Count;
    }

    private async Task FileAsync(string path, Func<BinaryWriter, Task> write)
    {
        using BackupFileWriter file = new(folder, path, _key);
        using BinaryWriter w = new(file);
        await write(w).ConfigureAwait(false);
        End(path, file);
    }

    private void End(string path, BackupFileWriter file)
    {
        (long length, string sha256) = file.Finish();
        _files.Add(new(path, length, sha256));
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

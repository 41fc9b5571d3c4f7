using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;
using Orleans.Runtime;

namespace FaceSearch.Storage.Backup;

/// <summary>
/// Verifies a backup and restores it into empty stores. Grain states are written last: galleries come into being when everything that
/// belongs to them is there and has been compared with the manifest. What a restore that failed leaves is to be deleted before the next.
/// </summary>
/// <param name="folder">The backup.</param>
/// <param name="secret">Its passphrase or key file; null if it is not encrypted.</param>
/// <param name="progress">Hears of each part; null: nobody.</param>
public sealed class BackupReader(string folder, BackupSecret? secret, Action<BackupProgress>? progress = null)
{
    private BackupKey? _key;
    private int _parts, _partsTotal;
    private long _templates, _bytes;

    /// <summary>What a backup says of itself, without a look at its files or, if it is encrypted, at its seal.</summary>
    /// <exception cref="BackupRefusedException">It has no readable manifest, or one of another format.</exception>
    public static BackupManifest Describe(string folder) => BackupManifest.Describe(folder);

    /// <summary>Compares every file with the manifest (length, SHA-256), then decrypts and reads all of them and proves what they hold.</summary>
    /// <exception cref="BackupDamagedException">One differs, is missing or does not add up; it is named.</exception>
    public async Task<BackupManifest> VerifyAsync(CancellationToken cancellationToken = default)
    {
        BackupManifest manifest = await CompareAsync(cancellationToken).ConfigureAwait(false);
        foreach (BackupManifest.LogFileEntry entry in manifest.Logs)
        {
            (BinaryReader r, MetaRow head) = OpenLog(entry);
            using (r)
            {
                await foreach (LogChunk _ in RowsAsync(r, entry.Path, head, cancellationToken).ConfigureAwait(false))
                {
                }
            }
        }
        foreach (BackupManifest.ImagesEntry entry in manifest.Images)
        {
            CropTally tally = new();
            using BackupFileReader file = new(folder, entry.Path, _key);
            using BinaryReader r = new(file);
            foreach (CropRow row in Rows(r, entry.Path))
            {
                cancellationToken.ThrowIfCancellationRequested();
                tally.Add(row);
            }
            if (!Agrees(tally, entry))
                throw new BackupDamagedException(entry.Path, "holds other images than the manifest says");
        }
        foreach (BackupManifest.FileEntry entry in ModelFiles(manifest))
        {
            using BackupFileReader file = new(folder, entry.Path, _key);
            await file.CopyToAsync(Stream.Null, cancellationToken).ConfigureAwait(false);
        }
        int states = States(manifest.GrainStates).Count();
        Tell($"{manifest.Logs.Count} logs, {manifest.Images.Sum(i => i.Images)} images and {states} grain states read and proven");
        return manifest;
    }

    /// <summary>Compares the files, restores, and compares what was restored.</summary>
    /// <exception cref="BackupDamagedException">A file of the backup is not what it was.</exception>
    /// <exception cref="BackupRefusedException">The target is not empty, or what was restored differs from the manifest.</exception>
    public async Task<BackupManifest> RestoreAsync(BackupStores into, CancellationToken cancellationToken = default)
    {
        BackupManifest manifest = await CompareAsync(cancellationToken).ConfigureAwait(false);
        await RefuseUnlessEmptyAsync(into, manifest, cancellationToken).ConfigureAwait(false);
        foreach (BackupManifest.LogFileEntry log in manifest.Logs)
            await LogAsync(into, log, cancellationToken).ConfigureAwait(false);
        foreach (BackupManifest.ImagesEntry images in manifest.Images)
            await ImagesAsync(into, images, cancellationToken).ConfigureAwait(false);
        foreach (BackupManifest.FileEntry file in ModelFiles(manifest))
            Model(into, file.Path);
        await StatesAsync(into, manifest.GrainStates).ConfigureAwait(false);
        return manifest;
    }

    private async Task<BackupManifest> CompareAsync(CancellationToken cancellationToken)
    {
        (BackupManifest manifest, _key) = BackupManifest.Read(folder, secret);
        _partsTotal = manifest.Files.Count;
        foreach (BackupManifest.FileEntry entry in manifest.Files)
        {
            if (entry.Path.Split('/').Any(part => part is "" or "." or ".."))
                throw new BackupDamagedException(BackupManifest.FileName, "names a file outside of the backup");
            FileInfo file = new(Path.Combine(folder, entry.Path));
            if (!file.Exists)
                throw new BackupDamagedException(entry.Path, "is missing");
            if (file.Length != entry.Length)
                throw new BackupDamagedException(entry.Path, $"has {file.Length} bytes instead of {entry.Length}");
            await using FileStream stream = file.OpenRead();
            if (Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken).ConfigureAwait(false)) != entry.Sha256)
                throw new BackupDamagedException(entry.Path, "contradicts its SHA-256");
            (_parts, _bytes) = (_parts + 1, _bytes + entry.Length);
            Tell($"{entry.Path} is whole");
        }
        return manifest;
    }

    private void Tell(string line, long templates = 0)
    {
        _templates += templates;
        progress?.Invoke(new(line, _parts, _partsTotal, _templates, _bytes));
    }

    private static IEnumerable<BackupManifest.FileEntry> ModelFiles(BackupManifest manifest) =>
        manifest.Files.Where(f => f.Path.StartsWith(BackupWriter.ModelsPrefix, StringComparison.Ordinal));

    private static async Task RefuseUnlessEmptyAsync(BackupStores into, BackupManifest manifest, CancellationToken cancellationToken)
    {
        string? there = (await into.LogArchive.ListAsync(null, cancellationToken).ConfigureAwait(false)).Count > 0 ? "template logs"
            : (await into.ImageArchive.ListAsync(cancellationToken).ConfigureAwait(false)).Count > 0 ? "retained images"
            : (await into.GrainStates.ListAsync(into.Types, cancellationToken).ConfigureAwait(false)).Count > 0 ? "grain states"
            : null;
        if (there is not null)
            throw new BackupRefusedException($"The target is not empty: it holds {there}. A restore needs an empty store ({into.Logs.Description}).");
        if (into.ModelsFolder is null && ModelFiles(manifest).Any())
            throw new BackupRefusedException("The backup holds models, and there is no folder for them.");
    }

    private async Task LogAsync(BackupStores into, BackupManifest.LogFileEntry entry, CancellationToken cancellationToken)
    {
        (BinaryReader r, MetaRow head) = OpenLog(entry);
        using BinaryReader reader = r;
        ShardId shard = head.Shard;
        await into.LogArchive.ImportAsync(head, RowsAsync(r, entry.Path, head, cancellationToken), cancellationToken).ConfigureAwait(false);
        ITemplateLog log = await into.Logs.OpenAsync(shard, cancellationToken).ConfigureAwait(false);
        await using (log.ConfigureAwait(false))
        {
            if (!Agrees(await log.VerifyAsync(cancellationToken).ConfigureAwait(false), entry))
                throw new BackupRefusedException($"The restored log of shard {shard} differs from the manifest: the restore has failed.");
        }
        Tell($"shard {shard}: restored and verified, {entry.Templates} templates, digest {entry.Digest}", entry.Templates);
    }

    /// <summary>A log's file behind its head, which is what the manifest says.</summary>
    private (BinaryReader Rows, MetaRow Head) OpenLog(BackupManifest.LogFileEntry entry)
    {
        BinaryReader r = new(new BackupFileReader(folder, entry.Path, _key));
        try
        {
            MetaRow head = Next(r, entry.Path) is LogChunk.Head first ? first.Row : throw new BackupDamagedException(entry.Path, "does not begin with the head of a log");
            return head.Shard == new ShardId(entry.Gallery, entry.Generation, entry.Shard) && Agrees(head.Head, entry) ? (r, head)
                : throw new BackupDamagedException(entry.Path, "is the log of another shard or another time than the manifest says");
        }
        catch
        {
            r.Dispose();
            throw;
        }
    }

    private static bool Agrees(LogHead head, BackupManifest.LogFileEntry entry) =>
        head.Lsn == entry.Lsn && head.Identities == entry.Identities && head.Templates == entry.Templates && BackupWriter.Hex(head.Digest) == entry.Digest;

    /// <summary>The rows after the head; they are proven complete before the enumeration ends.</summary>
    private static async IAsyncEnumerable<LogChunk> RowsAsync(BinaryReader r, string path, MetaRow head, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        LogTally tally = new(head, new RowHasher());
        while (Next(r, path) is { } chunk)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Guard(path, () =>
            {
                chunk.AddTo(tally);
                return true;
            });
            yield return chunk;
        }
        Guard(path, tally.Prove);
        await Task.CompletedTask.ConfigureAwait(false);
    }

    private async Task ImagesAsync(BackupStores into, BackupManifest.ImagesEntry entry, CancellationToken cancellationToken)
    {
        using (BackupFileReader file = new(folder, entry.Path, _key))
        using (BinaryReader r = new(file))
            await into.ImageArchive.ImportAsync(entry.Gallery, Rows(r, entry.Path).ToAsyncEnumerable(), cancellationToken).ConfigureAwait(false);
        CropTally tally = new();
        await foreach (CropRow row in into.ImageArchive.ExportAsync(entry.Gallery, cancellationToken).ConfigureAwait(false))
            tally.Add(row);
        if (!Agrees(tally, entry))
            throw new BackupRefusedException($"The restored images of gallery '{entry.Gallery}' differ from the manifest: the restore has failed.");
        Tell($"gallery {entry.Gallery}: {entry.Images} retained images restored and compared");
    }

    private static bool Agrees(CropTally tally, BackupManifest.ImagesEntry entry) =>
        tally.People == entry.People && tally.Keys == entry.Keys && tally.Images == entry.Images && BackupWriter.Hex(tally.Digest) == entry.Digest;

    private static IEnumerable<CropRow> Rows(BinaryReader r, string path)
    {
        while (Guard(path, () => CropRowCodec.Read(r)) is { } row)
            yield return row;
    }

    private void Model(BackupStores into, string path)
    {
        string target = Path.Combine(into.ModelsFolder!, path[BackupWriter.ModelsPrefix.Length..]);
        DurableFolder.Create(Path.GetDirectoryName(target)!);
        if (File.Exists(target))
        {
            using BackupFileReader mine = new(folder, path, _key);
            using FileStream theirs = File.OpenRead(target);
            if (!SHA256.HashData(mine).AsSpan().SequenceEqual(SHA256.HashData(theirs)))
                throw new BackupRefusedException($"The models folder has another file {path[BackupWriter.ModelsPrefix.Length..]} already.");
            return;
        }
        string draft = Path.Combine(Path.GetDirectoryName(target)!, DurableFolder.DoomedPrefix + Guid.NewGuid().ToString("n"));
        using (BackupFileReader file = new(folder, path, _key))
        using (FileStream to = new(draft, FileMode.CreateNew))
        {
            file.CopyTo(to, 1 << 20);
            to.Flush(flushToDisk: true);
        }
        File.Move(draft, target);
        DurableFolder.Flush(Path.GetDirectoryName(target)!);
    }

    private async Task StatesAsync(BackupStores into, int expected)
    {
        foreach (SavedState state in States(expected))
        {
            await into.States.WriteAsync(state.Name, state.Bytes).ConfigureAwait(false);
            if (await into.States.ReadAsync(state.Name).ConfigureAwait(false) is not { } now || !now.AsSpan().SequenceEqual(state.Bytes))
                throw new BackupRefusedException($"State '{state.Name.State}' of grain {state.Name.Grain} reads otherwise than it was written: the restore has failed.");
        }
        Tell($"{expected} grain states restored and compared");
    }

    private IEnumerable<SavedState> States(int expected)
    {
        const string path = BackupWriter.GrainsFile;
        using BackupFileReader file = new(folder, path, _key);
        using BinaryReader r = new(file);
        if (Guard(path, r.ReadInt32) != expected)
            throw new BackupDamagedException(path, "holds another number of states than the manifest says");
        for (int i = 0; i < expected; i++)
        {
            yield return Guard(path, () =>
            {
                GrainStateName name = new(r.ReadString(), GrainId.Parse(r.ReadString(), null));
                int length = r.ReadInt32();
                byte[] bytes = r.ReadBytes(length);
                return bytes.Length == length ? new SavedState(name, bytes) : throw new EndOfStreamException();
            });
        }
    }

    private static LogChunk? Next(BinaryReader r, string path) => Guard(path, () => LogChunkCodec.Read(r));

    private static T Guard<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException or LogDamagedException or FormatException or OverflowException or ArgumentException)
        {
            throw new BackupDamagedException(path, "does not hold what the manifest says", e);
        }
    }
}

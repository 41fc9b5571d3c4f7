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
/// <param name="progress">Hears a line about each part; null: nobody.</param>
public sealed class BackupReader(string folder, BackupSecret? secret, Action<string>? progress = null)
{
    private BackupKey? _key;

    /// <summary>Compares every file with the manifest: length and SHA-256.</summary>
    /// <exception cref="BackupDamagedException">One differs or is missing; it is named.</exception>
    public async Task<BackupManifest> VerifyAsync(CancellationToken cancellationToken = default)
    {
        (BackupManifest manifest, _key) = BackupManifest.Read(folder, secret);
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
        }
        progress?.Invoke($"all {manifest.Files.Count} files of the backup are whole");
        return manifest;
    }

    /// <summary>Verifies, restores, and compares what was restored.</summary>
    /// <exception cref="BackupDamagedException">A file of the backup is not what it was.</exception>
    /// <exception cref="BackupRefusedException">The target is not empty, or what was restored differs from the manifest.</exception>
    public async Task<BackupManifest> RestoreAsync(BackupStores into, CancellationToken cancellationToken = default)
    {
        BackupManifest manifest = await VerifyAsync(cancellationToken).ConfigureAwait(false);
        await RefuseUnlessEmptyAsync(into, manifest, cancellationToken).ConfigureAwait(false);
        foreach (BackupManifest.LogFileEntry log in manifest.Logs)
            await LogAsync(into, log, cancellationToken).ConfigureAwait(false);
        foreach (BackupManifest.ImagesEntry images in manifest.Images)
            Images(into, images);
        foreach (BackupManifest.FileEntry file in ModelFiles(manifest))
            Model(into, file.Path);
        await StatesAsync(into, manifest.GrainStates).ConfigureAwait(false);
        return manifest;
    }

    private static IEnumerable<BackupManifest.FileEntry> ModelFiles(BackupManifest manifest) =>
        manifest.Files.Where(f => f.Path.StartsWith(BackupWriter.ModelsPrefix, StringComparison.Ordinal));

    private static async Task RefuseUnlessEmptyAsync(BackupStores into, BackupManifest manifest, CancellationToken cancellationToken)
    {
        string? there = (await into.LogArchive.ListAsync(cancellationToken).ConfigureAwait(false)).Count > 0 ? "template logs"
            : (await into.ImageArchive.ListAsync(cancellationToken).ConfigureAwait(false)).Count > 0 ? "retained images"
            : await into.GrainStates.ListAsync(into.Names, cancellationToken).ConfigureAwait(false) is { Found.Count: > 0 } or { Unnamed: > 0 } ? "grain states"
            : null;
        if (there is not null)
            throw new BackupRefusedException($"The target is not empty: it holds {there}. A restore needs an empty store ({into.Logs.Description}).");
        if (into.ModelsFolder is null && ModelFiles(manifest).Any())
            throw new BackupRefusedException("The backup holds models, and there is no folder for them.");
    }

    private async Task LogAsync(BackupStores into, BackupManifest.LogFileEntry entry, CancellationToken cancellationToken)
    {
        ShardId shard = new(entry.Gallery, entry.Generation, entry.Shard);
        using BackupFileReader file = new(folder, entry.Path, _key);
        using BinaryReader r = new(file);
        MetaRow head = Next(r, entry.Path) is LogChunk.Head first ? first.Row : throw new BackupDamagedException(entry.Path, "does not begin with the head of a log");
        if (head.Shard != shard || !Agrees(head.Head, entry))
            throw new BackupDamagedException(entry.Path, "is the log of another shard or another time than the manifest says");
        await into.LogArchive.ImportAsync(head, RowsAsync(r, entry.Path, head, cancellationToken), cancellationToken).ConfigureAwait(false);
        ITemplateLog log = await into.Logs.OpenAsync(shard, cancellationToken).ConfigureAwait(false);
        await using (log.ConfigureAwait(false))
        {
            if (!Agrees(await log.VerifyAsync(cancellationToken).ConfigureAwait(false), entry))
                throw new BackupRefusedException($"The restored log of shard {shard} differs from the manifest: the restore has failed.");
        }
        progress?.Invoke($"shard {shard}: restored and verified, {entry.Templates} templates, digest {entry.Digest}");
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

    private void Images(BackupStores into, BackupManifest.ImagesEntry entry)
    {
        using (BackupFileReader file = new(folder, entry.Path, _key))
        using (BinaryReader r = new(file))
            into.ImageArchive.Import(entry.Gallery, Rows(r, entry.Path));
        CropTally tally = new();
        foreach (CropRow row in into.ImageArchive.Export(entry.Gallery))
            tally.Add(row);
        if (tally.People != entry.People || tally.Keys != entry.Keys || tally.Images != entry.Images || BackupWriter.Hex(tally.Digest) != entry.Digest)
            throw new BackupRefusedException($"The restored images of gallery '{entry.Gallery}' differ from the manifest: the restore has failed.");
        progress?.Invoke($"gallery {entry.Gallery}: {entry.Images} retained images restored and compared");
    }

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
        const string path = BackupWriter.GrainsFile;
        using BackupFileReader file = new(folder, path, _key);
        using BinaryReader r = new(file);
        int count = Guard(path, r.ReadInt32);
        if (count != expected)
            throw new BackupDamagedException(path, "holds another number of states than the manifest says");
        for (int i = 0; i < count; i++)
        {
            (GrainStateName name, byte[] bytes) = Guard(path, () =>
            {
                GrainStateName name = new(r.ReadString(), GrainId.Parse(r.ReadString(), null));
                int length = r.ReadInt32();
                byte[] bytes = r.ReadBytes(length);
                return bytes.Length == length ? (name, bytes) : throw new EndOfStreamException();
            });
            await into.States.WriteAsync(name, bytes).ConfigureAwait(false);
            if (await into.States.ReadAsync(name).ConfigureAwait(false) is not { } now || !now.AsSpan().SequenceEqual(bytes))
                throw new BackupRefusedException($"State '{name.State}' of grain {name.Grain} reads otherwise than it was written: the restore has failed.");
        }
        progress?.Invoke($"{count} grain states restored and compared");
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

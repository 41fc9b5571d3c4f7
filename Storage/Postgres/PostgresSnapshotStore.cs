using System.Collections.Concurrent;
using System.Globalization;
using FaceSearch.Storage.Files;
using Npgsql;
using NpgsqlTypes;

namespace FaceSearch.Storage.Postgres;

/// <summary>
/// Snapshots in a database: the files of each as chunks of rows in a table of its own, which is dropped with it, and the manifest row
/// last. They are read through a local cache folder that only this process uses.
/// </summary>
/// <remarks>
/// A copy in the cache goes when its snapshot is deleted through this store, within 10 s when another process
/// deletes it, and all of them at the next start.
/// </remarks>
public sealed class PostgresSnapshotStore : ISnapshotStore, IAsyncDisposable, IDisposable
{
    private const int Kept = 2, ChunkLength = 1 << 20;
    private readonly PostgresDatabase _database;
    private readonly SnapshotCache _cache;
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _opening = new(StringComparer.Ordinal);

    /// <param name="database">Where.</param>
    /// <param name="cacheFolder">A folder for this process alone; what is in it is deleted.</param>
    /// <param name="time">For the sweep of the cache.</param>
    public PostgresSnapshotStore(PostgresDatabase database, string cacheFolder, TimeProvider time) =>
        (_database, _cache) = (database, new SnapshotCache(database, cacheFolder, time));

    public async ValueTask<SnapshotInfo> WriteAsync(ShardId shard, SnapshotLabel label, Func<string, CancellationToken, ValueTask> write, CancellationToken cancellationToken = default)
    {
        string draft = _cache.NewDraft();
        try
        {
            await write(draft, cancellationToken).ConfigureAwait(false);
            SnapshotManifest manifest = new() { Shard = shard, Label = label, Files = await Task.Run(() => Describe(draft), cancellationToken).ConfigureAwait(false) };
            string name = string.Create(CultureInfo.InvariantCulture, $"{label.Lsn:x16}-{label.Epoch:x8}-{Guid.NewGuid():n}");
            await GuardAsync(() => UploadAsync(manifest, name, draft, cancellationToken)).ConfigureAwait(false);
            foreach (SnapshotInfo old in (await ListAsync(shard, cancellationToken).ConfigureAwait(false)).Skip(Kept).Where(s => s.Name != name))
                await DeleteAsync(old.Name, cancellationToken).ConfigureAwait(false);
            return Info(name, manifest);
        }
        finally
        {
            Directory.Delete(draft, recursive: true);
        }
    }

    public async ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(ShardId shard, CancellationToken cancellationToken = default)
    {
        List<SnapshotInfo> found = [];
        foreach ((_, string name, byte[] manifest) in await FindAsync(shard, cancellationToken).ConfigureAwait(false))
        {
            if (SnapshotManifest.Decode(manifest) is { } read && read.Shard == shard)
                found.Add(Info(name, read));
        }
        found.Sort((a, b) => (b.Label.Lsn, b.Label.Epoch, b.Label.CreatedAt).CompareTo((a.Label.Lsn, a.Label.Epoch, a.Label.CreatedAt)));
        return found;
    }

    public async ValueTask<string> OpenAsync(SnapshotInfo snapshot, CancellationToken cancellationToken = default)
    {
        SemaphoreSlim turn = _opening.GetOrAdd(snapshot.Name, _ => new SemaphoreSlim(1));
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            (long key, _, byte[] stored) = (await FindAsync(snapshot.Shard, cancellationToken).ConfigureAwait(false)).FirstOrDefault(s => s.Name == snapshot.Name);
            SnapshotManifest? manifest = stored is null ? null : SnapshotManifest.Decode(stored);
            if (manifest is null || manifest.Shard != snapshot.Shard || manifest.Label != snapshot.Label)
                throw new SnapshotDamagedException(snapshot.Name, "its manifest is missing, unreadable or another one's");
            string folder = _cache.Copy(snapshot.Name);
            if (!Directory.Exists(folder))
                await GuardAsync(() => DownloadAsync(key, snapshot.Name, folder, cancellationToken)).ConfigureAwait(false);
            await Task.Run(() => SnapshotCache.Verify(snapshot.Name, folder, manifest, cancellationToken), cancellationToken).ConfigureAwait(false);
            return folder;
        }
        finally
        {
            turn.Release();
        }
    }

    public async ValueTask<int> DeleteBeforeAsync(ShardId shard, long lsn, CancellationToken cancellationToken = default)
    {
        int deleted = 0;
        foreach ((long key, string name, byte[] stored) in await FindAsync(shard, cancellationToken).ConfigureAwait(false))
        {
            bool sound = SnapshotManifest.Decode(stored) is { } manifest && manifest.Label.Lsn >= lsn && manifest.Shard == shard
                && await GuardAsync(() => IsCompleteAsync(key, manifest, cancellationToken)).ConfigureAwait(false);
            if (!sound && await DeleteAsync(name, cancellationToken).ConfigureAwait(false))
                deleted++;
        }
        return deleted;
    }

    public ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default) =>
        DeleteAllAsync("SELECT name FROM snapshots WHERE gallery = $1", [gallery], cancellationToken);

    public ValueTask DeleteGenerationAsync(string gallery, int generation, CancellationToken cancellationToken = default) =>
        DeleteAllAsync("SELECT name FROM snapshots WHERE gallery = $1 AND generation = $2", [gallery, (long)generation], cancellationToken);

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    public ValueTask DisposeAsync() => _cache.DisposeAsync();

    private static SnapshotInfo Info(string name, SnapshotManifest manifest) => new(manifest.Shard, manifest.Label, name, manifest.Files.Sum(f => f.Length));

    private static List<SnapshotManifest.Entry> Describe(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(f => SnapshotManifest.Describe(folder, Path.GetRelativePath(folder, f).Replace('\\', '/'), flush: false))];

    private async Task<bool> UploadAsync(SnapshotManifest manifest, string name, string draft, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await _database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        long key = (long)(await connection.ScalarAsync( "SELECT nextval(pg_get_serial_sequence('snapshots', 'key'))", cancellationToken).ConfigureAwait(false))!;
        await connection.ScalarAsync( "SELECT make_snapshot($1)", cancellationToken, key).ConfigureAwait(false);
        await using (NpgsqlBinaryImporter importer = await connection.BeginBinaryImportAsync(
            string.Create(CultureInfo.InvariantCulture, $"COPY snapshot_{key} (file, number, bytes) FROM STDIN (FORMAT BINARY)"), cancellationToken).ConfigureAwait(false))
        {
            byte[] chunk = new byte[ChunkLength];
            foreach (SnapshotManifest.Entry entry in manifest.Files)
            {
                await using FileStream file = new(Path.Combine(draft, entry.Path), FileMode.Open, FileAccess.Read, FileShare.Read, 0);
                long number = 0;
                do
                {
                    int read = await file.ReadAtLeastAsync(chunk, ChunkLength, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
                    await importer.StartRowAsync(cancellationToken).ConfigureAwait(false);
                    await importer.WriteAsync(entry.Path, NpgsqlDbType.Text, cancellationToken).ConfigureAwait(false);
                    await importer.WriteAsync(number++, NpgsqlDbType.Bigint, cancellationToken).ConfigureAwait(false);
                    await importer.WriteAsync(new ReadOnlyMemory<byte>(chunk, 0, read), NpgsqlDbType.Bytea, cancellationToken).ConfigureAwait(false);
                }
                while (file.Position < entry.Length);
            }
            await importer.CompleteAsync(cancellationToken).ConfigureAwait(false);
        }
        // A writer that was fenced may hold what its successor has erased since. The lock, held for a moment, keeps the epoch as it is.
        object? epoch = await connection.ScalarAsync( "SELECT epoch FROM template_logs WHERE gallery = $1 AND generation = $2 AND shard = $3 FOR SHARE", cancellationToken,
            manifest.Shard.Gallery, (long)manifest.Shard.Generation, (long)manifest.Shard.Shard).ConfigureAwait(false);
        if (epoch is long current && current > manifest.Label.Epoch)
            throw new EpochFencedException(manifest.Shard, manifest.Label.Epoch);
        await connection.ScalarAsync( "INSERT INTO snapshots (key, gallery, generation, shard, name, manifest) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6)", cancellationToken,
            key, manifest.Shard.Gallery, (long)manifest.Shard.Generation, (long)manifest.Shard.Shard, name, manifest.Encode()).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> DownloadAsync(long key, string name, string folder, CancellationToken cancellationToken)
    {
        string draft = _cache.NewDraft();
        try
        {
            await using NpgsqlConnection connection = await _database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using NpgsqlCommand command = new(string.Create(CultureInfo.InvariantCulture, $"SELECT file, bytes FROM snapshot_{key} ORDER BY file, number"), connection) { CommandTimeout = 0 };
            await using NpgsqlDataReader r = await command.ExecuteReaderAsync(System.Data.CommandBehavior.SequentialAccess, cancellationToken).ConfigureAwait(false);
            while (await r.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                string path = Path.GetFullPath(Path.Combine(draft, r.GetString(0)));
                if (!path.StartsWith(draft + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                    throw new SnapshotDamagedException(name, "a file would lie outside of the cache");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await using FileStream file = new(path, FileMode.Append);
                await using Stream bytes = await r.GetStreamAsync(1, cancellationToken).ConfigureAwait(false);
                await bytes.CopyToAsync(file, cancellationToken).ConfigureAwait(false);
            }
            Directory.Move(draft, folder);
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            throw new SnapshotDamagedException(name, "its files are missing", e);
        }
        finally
        {
            if (Directory.Exists(draft))
                Directory.Delete(draft, recursive: true);
        }
    }

    /// <summary>A cheap look, without reading contents: every file is there in its length.</summary>
    private async Task<bool> IsCompleteAsync(long key, SnapshotManifest manifest, CancellationToken cancellationToken)
    {
        try
        {
            Dictionary<string, long> lengths = [];
            await using NpgsqlCommand command = _database.Source.CreateCommand(
                string.Create(CultureInfo.InvariantCulture, $"SELECT file, sum(octet_length(bytes))::bigint FROM snapshot_{key} GROUP BY file"));
            await using NpgsqlDataReader r = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            while (await r.ReadAsync(cancellationToken).ConfigureAwait(false))
                lengths[r.GetString(0)] = r.GetInt64(1);
            return manifest.Files.All(f => lengths.TryGetValue(f.Path, out long length) && length == f.Length);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            return false;
        }
    }

    private Task<List<(long Key, string Name, byte[] Manifest)>> FindAsync(ShardId shard, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        List<(long, string, byte[])> found = [];
        await using NpgsqlCommand command = _database.Source.CreateCommand("SELECT key, name, manifest FROM snapshots WHERE gallery = $1 AND generation = $2 AND shard = $3");
        foreach (object value in (object[])[shard.Gallery, (long)shard.Generation, (long)shard.Shard])
            command.Parameters.Add(new() { Value = value });
        await using NpgsqlDataReader r = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await r.ReadAsync(cancellationToken).ConfigureAwait(false))
            found.Add((r.GetInt64(0), r.GetString(1), r.GetFieldValue<byte[]>(2)));
        return found;
    });

    private async ValueTask DeleteAllAsync(string names, object[] values, CancellationToken cancellationToken)
    {
        while (await GuardAsync(async () =>
        {
            await using NpgsqlConnection connection = await _database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            return await connection.ScalarAsync( $"{names} LIMIT 1", cancellationToken, values).ConfigureAwait(false) as string;
        }).ConfigureAwait(false) is { } name)
            await DeleteAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Row and table in one transaction, then this process's copy.</summary>
    private async Task<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        bool deleted = await GuardAsync(async () =>
        {
            await using NpgsqlConnection connection = await _database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            if (await connection.ScalarAsync( "DELETE FROM snapshots WHERE name = $1 RETURNING key", cancellationToken, name).ConfigureAwait(false) is not long key)
                return false;
            await connection.ScalarAsync( "SELECT drop_snapshot($1)", cancellationToken, key).ConfigureAwait(false);
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
        _opening.TryRemove(name, out _);
        _cache.Forget(name);
        return deleted;
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> run)
    {
        try
        {
            return await run().ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresErrors.Translate("snapshots", e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }
}

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
/// A copy in the cache goes when its snapshot is deleted through this store, within <see cref="SweepEvery"/> when another process
/// deletes it, and all of them at the next start.
/// </remarks>
public sealed class PostgresSnapshotStore : ISnapshotStore, IAsyncDisposable, IDisposable
{
    /// <summary>How often copies are compared with what is stored.</summary>
    public static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(10);

    private const int Kept = 2, ChunkLength = 1 << 20;
    private readonly PostgresDatabase _database;
    private readonly string _cache;
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _opening = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sweeping;

    /// <param name="database">Where.</param>
    /// <param name="cacheFolder">A folder for this process alone; what is in it is deleted.</param>
    /// <param name="time">For the sweep.</param>
    public PostgresSnapshotStore(PostgresDatabase database, string cacheFolder, TimeProvider time)
    {
        (_database, _cache) = (database, Path.GetFullPath(cacheFolder));
        if (Directory.Exists(_cache))
            Directory.Delete(_cache, recursive: true);
        DirectoryInfo made = Directory.CreateDirectory(_cache);
        if (!OperatingSystem.IsWindows())
            made.UnixFileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        _sweeping = Task.Run(() => SweepAsync(time));
    }

    public async ValueTask<SnapshotInfo> WriteAsync(ShardId shard, SnapshotLabel label, Func<string, CancellationToken, ValueTask> write, CancellationToken cancellationToken = default)
    {
        string draft = Path.Combine(_cache, DurableFolder.DoomedPrefix + Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(draft);
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
            string folder = Path.Combine(_cache, snapshot.Name);
            if (!Directory.Exists(folder))
                await GuardAsync(() => DownloadAsync(key, snapshot.Name, folder, cancellationToken)).ConfigureAwait(false);
            await Task.Run(() => Verify(snapshot.Name, folder, manifest, cancellationToken), cancellationToken).ConfigureAwait(false);
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

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
            return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _sweeping.ConfigureAwait(false);
        _stop.Dispose();
        if (Directory.Exists(_cache))
            Directory.Delete(_cache, recursive: true);
    }

    private static SnapshotInfo Info(string name, SnapshotManifest manifest) => new(manifest.Shard, manifest.Label, name, manifest.Files.Sum(f => f.Length));

    private static List<SnapshotManifest.Entry> Describe(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(f => SnapshotManifest.Describe(folder, Path.GetRelativePath(folder, f).Replace('\\', '/'), flush: false))];

    private static void Verify(string name, string folder, SnapshotManifest manifest, CancellationToken cancellationToken)
    {
        try
        {
            foreach (SnapshotManifest.Entry entry in manifest.Files)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (SnapshotManifest.Describe(folder, entry.Path, flush: false) != entry)
                    throw new SnapshotDamagedException(name, $"file {entry.Path} contradicts its length or checksum");
            }
        }
        catch (Exception e) when (e is SnapshotDamagedException or IOException)
        {
            Directory.Delete(folder, recursive: true);
            throw e as SnapshotDamagedException ?? new SnapshotDamagedException(name, "a file is missing or cannot be read", e);
        }
    }

    private async Task<bool> UploadAsync(SnapshotManifest manifest, string name, string draft, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await _database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        long key = (long)(await ScalarAsync(connection, "SELECT nextval(pg_get_serial_sequence('snapshots', 'key'))", cancellationToken).ConfigureAwait(false))!;
        await ScalarAsync(connection, "SELECT make_snapshot($1)", cancellationToken, key).ConfigureAwait(false);
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
        object? epoch = await ScalarAsync(connection, "SELECT epoch FROM template_logs WHERE gallery = $1 AND generation = $2 AND shard = $3 FOR SHARE", cancellationToken,
            manifest.Shard.Gallery, (long)manifest.Shard.Generation, (long)manifest.Shard.Shard).ConfigureAwait(false);
        if (epoch is long current && current > manifest.Label.Epoch)
            throw new EpochFencedException(manifest.Shard, manifest.Label.Epoch);
        await ScalarAsync(connection, "INSERT INTO snapshots (key, gallery, generation, shard, name, manifest) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6)", cancellationToken,
            key, manifest.Shard.Gallery, (long)manifest.Shard.Generation, (long)manifest.Shard.Shard, name, manifest.Encode()).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> DownloadAsync(long key, string name, string folder, CancellationToken cancellationToken)
    {
        string draft = Path.Combine(_cache, DurableFolder.DoomedPrefix + Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(draft);
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
            return await ScalarAsync(connection, $"{names} LIMIT 1", cancellationToken, values).ConfigureAwait(false) as string;
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
            if (await ScalarAsync(connection, "DELETE FROM snapshots WHERE name = $1 RETURNING key", cancellationToken, name).ConfigureAwait(false) is not long key)
                return false;
            await ScalarAsync(connection, "SELECT drop_snapshot($1)", cancellationToken, key).ConfigureAwait(false);
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
        Forget(name);
        return deleted;
    }

    private void Forget(string name)
    {
        _opening.TryRemove(name, out _);
        string copy = Path.Combine(_cache, name);
        if (Directory.Exists(copy))
            Directory.Delete(copy, recursive: true);
    }

    private async Task SweepAsync(TimeProvider time)
    {
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(SweepEvery, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            string[] copies = [.. Directory.EnumerateDirectories(_cache).Select(d => Path.GetFileName(d)!).Where(n => !n.StartsWith(DurableFolder.DoomedPrefix, StringComparison.Ordinal))];
            if (copies.Length == 0 || _stop.IsCancellationRequested)
                continue;
            try
            {
                HashSet<string> stored = [];
                await using NpgsqlCommand command = _database.Source.CreateCommand("SELECT name FROM snapshots WHERE name = ANY($1)");
                command.Parameters.Add(new() { Value = copies });
                await using NpgsqlDataReader r = await command.ExecuteReaderAsync(_stop.Token).ConfigureAwait(false);
                while (await r.ReadAsync(_stop.Token).ConfigureAwait(false))
                    stored.Add(r.GetString(0));
                foreach (string gone in copies.Where(c => !stored.Contains(c)))
                    Forget(gone);
            }
            catch (Exception e) when (PostgresErrors.IsOfTheServer(e) || e is OperationCanceledException or ObjectDisposedException)
            {
                // The next round tries again.
            }
        }
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

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] values)
    {
#pragma warning disable CA2100 // The texts are this assembly's.
        await using NpgsqlCommand command = new(sql, connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        foreach (object value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
    }
}

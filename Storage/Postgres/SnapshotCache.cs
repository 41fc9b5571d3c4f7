using FaceSearch.Storage.Files;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>Local copies of snapshots, for one process. Those of snapshots that are stored no more are deleted within <see cref="SweepEvery"/>.</summary>
internal sealed class SnapshotCache : IAsyncDisposable
{
    /// <summary>How often copies are compared with what is stored.</summary>
    public static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(10);

    private readonly PostgresDatabase _database;
    private readonly string _folder;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sweeping;

    public SnapshotCache(PostgresDatabase database, string folder, TimeProvider time)
    {
        (_database, _folder) = (database, Path.GetFullPath(folder));
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
        DirectoryInfo made = Directory.CreateDirectory(_folder);
        if (!OperatingSystem.IsWindows())
            made.UnixFileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        _sweeping = Task.Run(() => SweepAsync(time));
    }

    /// <summary>Where the copy of a snapshot is, or would be.</summary>
    public string Copy(string name) => Path.Combine(_folder, name);

    /// <summary>Makes an empty folder, which its user deletes or renames.</summary>
    public string NewDraft() => Directory.CreateDirectory(Path.Combine(_folder, DurableFolder.DoomedPrefix + Guid.NewGuid().ToString("n"))).FullName;

    /// <summary>Compares every byte of a copy with the manifest; a copy that does not fit is deleted.</summary>
    /// <exception cref="SnapshotDamagedException">It does not fit.</exception>
    public static void Verify(string name, string folder, SnapshotManifest manifest, CancellationToken cancellationToken)
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

    public void Forget(string name)
    {
        if (Directory.Exists(Copy(name)))
            Directory.Delete(Copy(name), recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
            return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _sweeping.ConfigureAwait(false);
        _stop.Dispose();
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private async Task SweepAsync(TimeProvider time)
    {
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(SweepEvery, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            string[] copies = [.. Directory.EnumerateDirectories(_folder).Select(d => Path.GetFileName(d)!).Where(n => !n.StartsWith(DurableFolder.DoomedPrefix, StringComparison.Ordinal))];
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
}

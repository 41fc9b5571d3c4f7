using FaceSearch.Storage;
using FaceSearch.Storage.Backup;

namespace FaceSearch.Grains.Backups;

/// <summary>A backup or a verification under way, off the grain's scheduler. What it says of itself may be read at any time.</summary>
internal sealed class BackupJob : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private volatile BackupDescription _now;

    public BackupJob(BackupDescription begun) => _now = begun;

    public BackupDescription Now => _now;

    public string Id => _now.Id;

    /// <summary>Ends with the job and never fails.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>What an unexpected error was, for the log.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Writes, reads again, and only then gives the folder its name.</summary>
    public void Write(BackupStores stores, BackupSecret? secret, string draft, TimeProvider time) => Begin(time, async () =>
    {
        try
        {
            BackupManifest manifest = await new BackupWriter(stores, draft, secret, time, Tell).RunAsync(_stop.Token);
            _now = _now with { State = BackupState.Verifying, Parts = 0, PartsTotal = manifest.Files.Count };
            await new BackupReader(draft, secret, Tell).VerifyAsync(_stop.Token);
            BackupFolder.Publish(draft, _now.Folder);
            return Of(_now, manifest) with { State = BackupState.Done, VerifiedAt = time.GetUtcNow() };
        }
        catch
        {
            if (Directory.Exists(draft))
                Directory.Delete(draft, recursive: true);
            throw;
        }
    });

    public void Verify(BackupSecret? secret, TimeProvider time) => Begin(time, async () =>
    {
        BackupDescription before = _now;
        _now = before with { State = BackupState.Verifying, Parts = 0 };
        try
        {
            BackupManifest manifest = await new BackupReader(before.Folder, secret, p => _now = _now with { Parts = p.Parts, PartsTotal = p.PartsTotal }).VerifyAsync(_stop.Token);
            return Of(before, manifest) with { State = BackupState.Done, VerifiedAt = time.GetUtcNow(), Reason = null };
        }
        catch (OperationCanceledException)
        {
            return before;
        }
        catch (StorageException e)
        {
            return before with { State = BackupState.Damaged, Reason = e.Message };
        }
    });

    public Task CancelAsync() => _stop.CancelAsync();

    public void Dispose() => _stop.Dispose();

    /// <summary>What a manifest says of a backup.</summary>
    public static BackupDescription Of(BackupDescription about, BackupManifest manifest) => about with
    {
        StartedAt = manifest.CreatedAt,
        FinishedAt = manifest.EndedAt,
        Encrypted = manifest.Encryption is not null,
        Parts = manifest.Files.Count,
        PartsTotal = manifest.Files.Count,
        Shards = manifest.Logs.Count,
        Identities = manifest.Logs.Sum(l => l.Identities),
        Templates = manifest.Logs.Sum(l => l.Templates),
        Images = manifest.Images.Sum(i => i.Images),
        Bytes = manifest.Files.Sum(f => f.Length),
    };

    private void Begin(TimeProvider time, Func<Task<BackupDescription>> work) => Ended = Task.Run(async () =>
    {
        try
        {
            _now = await work();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            _now = _now with { State = BackupState.Cancelled, FinishedAt = time.GetUtcNow() };
        }
#pragma warning disable CA1031 // Whatever it was: the job has failed, and says so.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Failure = e;
            _now = _now with
            {
                State = BackupState.Failed,
                FinishedAt = time.GetUtcNow(),
                Reason = e is StorageException or FaceSearchException ? e.Message : e is IOException or UnauthorizedAccessException ? "The backup's folder cannot be written: is there space, and may the server write there?" : "It failed in a way that was not expected; the server's log has the details.",
            };
        }
    });

    private void Tell(BackupProgress progress) => _now = _now.State == BackupState.Running
        ? _now with { Parts = progress.Parts, PartsTotal = progress.PartsTotal, Shards = progress.Parts, Templates = progress.Templates, Bytes = progress.Bytes }
        : _now with { Parts = progress.Parts, PartsTotal = progress.PartsTotal };
}

using System.Globalization;
using FaceSearch.Storage;
using FaceSearch.Storage.Backup;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Placement;

namespace FaceSearch.Grains.Backups;

/// <summary>
/// Takes and verifies backups, one at a time. What there is is in the folder; of what failed or was cancelled, and of verifications, only
/// this activation's memory knows.
/// </summary>
[KeepAlive, Immovable]
public sealed partial class BackupGrain(BackupStores stores, IOptions<BackupOptions> options, TimeProvider time, ILogger<BackupGrain> logger) : Grain, IBackupGrain
{
    private const string DraftPrefix = ".unfinished-";

    /// <summary>Jobs that are remembered.</summary>
    private const int MostRemembered = 100;

    private readonly Dictionary<string, BackupDescription> _ended = new(StringComparer.Ordinal);
    private BackupJob? _job;

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_job is { } job)
        {
            await job.CancelAsync();
            await job.Ended;
        }
    }

    public Task<BackupDescription> StartAsync(bool? withModels) => GuardedAsync(() =>
    {
        RefuseWhileBusy();
        BackupSecret? secret = options.Value.Secret();
        DurableSweep();
        string id = NewId();
        BackupDescription begun = new(id, BackupState.Running, Environment.MachineName, Path.Combine(Root, id), time.GetUtcNow(), null, null, secret is not null, 0, 0, 0, 0, 0, 0, 0, null);
        _job = new BackupJob(begun);
        _job.Write(withModels ?? options.Value.Models ? stores : stores with { ModelsFolder = null }, secret, Path.Combine(Root, DraftPrefix + id), time);
        Follow(_job);
        LogBegun(begun.Folder);
        return begun;
    });

    public Task<IReadOnlyList<BackupDescription>> ListAsync()
    {
        Dictionary<string, BackupDescription> all = new(StringComparer.Ordinal);
        foreach (string folder in Directory.Exists(Root) ? Directory.EnumerateDirectories(Root) : [])
        {
            if (Read(Path.GetFileName(folder)) is { } found)
                all[found.Id] = found;
        }
        foreach (BackupDescription ended in _ended.Values.Where(e => e.State is BackupState.Failed or BackupState.Cancelled))
            all[ended.Id] = ended;
        if (_job is { } job)
            all[job.Id] = job.Now;
        return Task.FromResult<IReadOnlyList<BackupDescription>>(all.Values.OrderByDescending(b => b.StartedAt).ThenByDescending(b => b.Id, StringComparer.Ordinal).ToArray());
    }

    public Task<BackupDescription> GetAsync(string id) => Task.FromResult(Find(id));

    public Task<BackupDescription> CheckAsync(string id) => GuardedAsync(() =>
    {
        RefuseWhileBusy();
        BackupDescription found = Read(id) ?? throw NotFound(id);
        _job = new BackupJob(found with { State = BackupState.Verifying });
        _job.Verify(found.Encrypted ? options.Value.Secret() : null, time);
        Follow(_job);
        return _job.Now;
    });

    public async Task<BackupDescription> CancelAsync(string id)
    {
        if (_job is { } job && job.Id == id)
        {
            await job.CancelAsync();
            await job.Ended;
            return job.Now;
        }
        return Find(id);
    }

    private string Root => Path.GetFullPath(options.Value.Folder!);

    private void RefuseWhileBusy()
    {
        if (_job is { } job)
            throw new FaceSearchException(ProblemTypes.BackupRunning, 409, $"Backup '{job.Id}' is being written or verified. Wait for it, or cancel it.");
    }

    private BackupDescription Find(string id) => _job is { } job && job.Id == id ? job.Now
        : Read(id) ?? (_ended.TryGetValue(id, out BackupDescription? ended) ? ended : throw NotFound(id));

    /// <summary>A backup in the folder, with what this grain knows of its verification.</summary>
    private BackupDescription? Read(string id)
    {
        if (!IsId(id))
            return null;
        string folder = Path.Combine(Root, id);
        BackupDescription about = new(id, BackupState.Done, Environment.MachineName, folder, default, null, null, false, 0, 0, 0, 0, 0, 0, 0, null);
        try
        {
            about = BackupJob.Of(about, BackupReader.Describe(folder));
        }
        catch (BackupRefusedException e)
        {
            if (!File.Exists(Path.Combine(folder, BackupManifest.FileName)))
                return null;
            about = about with { State = BackupState.Damaged, StartedAt = Directory.GetCreationTimeUtc(folder), Reason = e.Message };
        }
        return _ended.TryGetValue(id, out BackupDescription? known) && known.State is BackupState.Done or BackupState.Damaged
            ? about with { State = known!.State, VerifiedAt = known.VerifiedAt, Reason = known.Reason ?? about.Reason }
            : about;
    }

    private void Follow(BackupJob job)
    {
        _ = EndAsync();

        async Task EndAsync()
        {
            await job.Ended;
            if (_ended.Count >= MostRemembered)
                _ended.Remove(_ended.MinBy(e => e.Value.StartedAt).Key);
            _ended[job.Id] = job.Now;
            _job = null;
            LogEnded(job.Now.Folder, job.Now.State, job.Failure);
            job.Dispose();
        }
    }

    /// <summary>Deletes what a server that was killed left unfinished: it holds biometrics and is of no use.</summary>
    private void DurableSweep()
    {
        if (!Directory.Exists(Root))
            return;
        foreach (string left in Directory.EnumerateDirectories(Root, DraftPrefix + "*"))
            Directory.Delete(left, recursive: true);
    }

    private string NewId()
    {
        string id = time.GetUtcNow().UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        for (int n = 2; ; n++)
        {
            if (!Directory.Exists(Path.Combine(Root, id)) && !_ended.ContainsKey(id))
                return id;
            id = string.Create(CultureInfo.InvariantCulture, $"{id.Split('-')[0]}-{n}");
        }
    }

    private static bool IsId(string id) => id.Length is > 0 and <= 128 && id[0] != '.' && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static FaceSearchException NotFound(string id) =>
        new(ProblemTypes.BackupNotFound, 404, IsId(id) ? $"There is no backup '{id}' here. GET /api/v1/backups lists those there are." : "There is no such backup.");

    private static Task<BackupDescription> GuardedAsync(Func<BackupDescription> begin)
    {
        try
        {
            return Task.FromResult(begin());
        }
        catch (StorageException e)
        {
            throw new FaceSearchException(ProblemTypes.BackupRefused, 409, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaceSearchException(ProblemTypes.BackupRefused, 409, "The backup folder (Backup:Folder) cannot be used: does it exist, and may the server write there?");
        }
    }

    [LoggerMessage(LogLevel.Information, "A backup has begun: {Folder}.")]
    private partial void LogBegun(string folder);

    [LoggerMessage(LogLevel.Information, "Backup {Folder}: {State}.")]
    private partial void LogEnded(string folder, BackupState state, Exception? failure);
}

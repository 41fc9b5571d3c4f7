using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;
using Microsoft.Extensions.Logging;

namespace FaceSearch.TrainingJob.Worker;

/// <summary>
/// Takes up training runs one after another: claim, read the faces, train (or go on where another worker was killed), compare with the
/// model in use, upload, and end the run, whose queue then asks for promotion.
/// </summary>
public sealed partial class TrainingWorker(IGrainFactory grains, ITrainer trainer, WorkerOptions options, ILogger<TrainingWorker> logger)
{
    private readonly RunFolders _folders = new(options.RunsFolder);

    private ITrainingQueueGrain Queue => grains.GetGrain<ITrainingQueueGrain>(ITrainingQueueGrain.Key);

    /// <summary>Works until stopped, or until nothing waits.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            bool worked = false;
            try
            {
                await _folders.SweepAsync(Queue).ConfigureAwait(false);
                if (await Queue.ClaimAsync(options.Name).ConfigureAwait(false) is { } lease)
                {
                    worked = true;
                    await WorkAsync(lease, stopping).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (IsPassing(e) && !stopping.IsCancellationRequested)
            {
                LogAway(e.GetType().Name);
            }
            if (!worked && options.Once)
                return;
            if (!worked)
                await Task.Delay(options.Poll, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One run, from lease to end.</summary>
    private async Task WorkAsync(TrainingLease lease, CancellationToken stopping)
    {
        string run = lease.Run.Id;
        LogTaken(run, lease.Run.Attempts);
        await using LeaseKeeper keeper = new(Queue, lease, stopping);
        try
        {
            TrainingEnd end;
            using (_folders.Lock(run))
                end = await TrainAsync(lease, keeper).ConfigureAwait(false);
            await keeper.EnsureAsync().ConfigureAwait(false);
            TrainingRun ended = await Queue.CompleteAsync(run, lease.Token, end).ConfigureAwait(false);
            _folders.Erase(run);
            LogEnded(run, ended.Outcome);
        }
        catch (OperationCanceledException) when (keeper.Token.IsCancellationRequested)
        {
            await StoppedAsync(lease, keeper).ConfigureAwait(false);
        }
        catch (FaceSearchException e) when (e.Type == ProblemTypes.TrainingLeaseLost)
        {
            LogLost(run);
        }
        catch (Exception e) when (e is TrainingException or ModelException or ArgumentException || e is FaceSearchException { Status: < 500 })
        {
            await Queue.CompleteAsync(run, lease.Token, new TrainingEnd(null, e.Message)).ConfigureAwait(false);
            _folders.Erase(run);
            LogEnded(run, e.Message);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // What another attempt may not meet: a full disk, a server that went away. The checkpoint stays.
            await Queue.ReleaseAsync(run, lease.Token, $"Worker {options.Name} met {e.GetType().Name}: {e.Message}").ConfigureAwait(false);
            LogReleased(run, e.GetType().Name);
        }
    }

    private async Task<TrainingEnd> TrainAsync(TrainingLease lease, LeaseKeeper keeper)
    {
        TrainingRequest plan = lease.Run.Plan;
        using ModelExchange models = new(options);
        (InstalledModel Model, string Digest)? present = lease.PresentModel is { } inUse ? await models.FindAsync(inUse, keeper.Token).ConfigureAwait(false) : null;
        if (lease.BaseModel is { } named)
            await models.FindAsync(named, keeper.Token).ConfigureAwait(false);
        TrainingOptions made = PlanOptions.Of(lease, _folders.Of(lease.Run.Id), options.ModelsFolder);
        IFaceSource source = plan.Folder is { } folder ? new FolderFaces(folder, new ModelStore(options.ModelsFolder).Find(ModelKind.Detector)) : new GalleryFaces(grains, lease.Galleries, plan.CohortKey);
        TrainingResult result = await trainer.TrainAsync(made, source, new LeaseProgress(keeper), keeper.Token).ConfigureAwait(false);

        keeper.Report(new TrainingRunProgress("comparing", 0, 0));
        FaceSet set = await FaceSet.LoadAsync(source, Path.Combine(made.RunFolder, "faces.bin"), cancellation: keeper.Token).ConfigureAwait(false);
        InstalledModel candidate = models.Install(result.OnnxPath, result.Manifest);
        ModelEvaluation? evaluation = present is not var (used, digest) ? null
            : CandidateComparison.Run(used, candidate, set.Faces, made, plan.CohortKey, $"{source.Description}, people of the test split", keeper.Token) with { ActiveSha256 = digest };

        keeper.Report(new TrainingRunProgress("uploading", 0, 0));
        await keeper.EnsureAsync().ConfigureAwait(false);
        await models.SendAsync(candidate, Lineage(lease, made, set, result), plan.Gallery, evaluation, keeper.Token).ConfigureAwait(false);
        return new TrainingEnd(candidate.Manifest.Name, $"Trained on {Counted(set, made)}.");
    }

    private static string Counted(FaceSet set, TrainingOptions made)
    {
        int[] train = set.Of(Split.Train, made);
        return $"{train.Length} faces of {train.Select(i => set.Identities[i]).Distinct().Count()} people";
    }

    private static ModelLineage Lineage(TrainingLease lease, TrainingOptions made, FaceSet set, TrainingResult result)
    {
        int[] train = set.Of(Split.Train, made);
        return new ModelLineage(
            lease.BaseModel, lease.Run.Id, lease.Run.Plan.Mode, set.Fingerprint, train.Select(i => set.Identities[i]).Distinct().Count(), train.Length,
            lease.Run.Plan.Options ?? new Dictionary<string, string>(), made.Seed, result.Lineage.CodeVersion, DateTimeOffset.UtcNow);
    }

    /// <summary>A cancelled run is over; a lost one belongs to another; a worker that is told to stop gives its run back.</summary>
    private async Task StoppedAsync(TrainingLease lease, LeaseKeeper keeper)
    {
        switch (keeper.End)
        {
            case LeaseEnd.Cancelled:
                _folders.Erase(lease.Run.Id);
                LogEnded(lease.Run.Id, "Cancelled.");
                break;
            case LeaseEnd.Lost:
                LogLost(lease.Run.Id);
                break;
            default:
                await Queue.ReleaseAsync(lease.Run.Id, lease.Token, $"Worker {options.Name} was stopped.").ConfigureAwait(false);
                LogReleased(lease.Run.Id, "stopped");
                break;
        }
    }

    /// <summary>The cluster or the server is away for a while.</summary>
    private static bool IsPassing(Exception e) =>
        e is OrleansException or TimeoutException or HttpRequestException or IOException or FaceSearchException { Status: >= 500 };

    [LoggerMessage(LogLevel.Information, "Training run {Run}, attempt {Attempt}, is this worker's.")]
    private partial void LogTaken(string run, int attempt);

    [LoggerMessage(LogLevel.Information, "Training run {Run} has ended: {Outcome}")]
    private partial void LogEnded(string run, string? outcome);

    [LoggerMessage(LogLevel.Warning, "Training run {Run} is no longer this worker's; it stops and leaves everything to the other.")]
    private partial void LogLost(string run);

    [LoggerMessage(LogLevel.Warning, "Training run {Run} was given back ({Why}).")]
    private partial void LogReleased(string run, string why);

    [LoggerMessage(LogLevel.Warning, "The cluster cannot be asked for work ({Error}); it is asked again.")]
    private partial void LogAway(string error);
}

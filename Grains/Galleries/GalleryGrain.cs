using FaceSearch.Evaluation;
using FaceSearch.Grains.Clustering;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace FaceSearch.Grains.Galleries;

/// <summary>One gallery: its settings, its view, its threshold, its end.</summary>
[KeepAlive]
public sealed partial class GalleryGrain(
    [PersistentState("gallery")] IPersistentState<GalleryState> state,
    ITemplateLogProvider logs,
    ISnapshotStore snapshots,
    ICropStore crops,
    TimeProvider time,
    ILogger<GalleryGrain> logger) : Grain, IGalleryGrain, IGalleryRoutingGrain, IGalleryGenerationsGrain
{
    /// <summary>The model of a gallery whose callers bring their own embeddings.</summary>
    public const string ExternalModel = "external";

    private volatile GalleryView? _view;
    private GalleryCalibrator _calibrator = null!;

    private string Id => this.GetPrimaryKeyString();

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _calibrator = new GalleryCalibrator(GrainFactory, time);
        if (state.State.Phase == GalleryPhase.Active)
            _view = MakeView();
        else if (state.State.Phase == GalleryPhase.Deleting)
            await FinishDeletionAsync();
    }

    public Task<GalleryView?> GetViewAsync() => Task.FromResult(_view);

    public Task<long> GetAnnouncedVersionAsync() => Task.FromResult(state.State.ViewVersion);

    public async Task<GalleryDescription> CreateAsync(GallerySettings settings)
    {
        if (!Ids.IsGallery(Id))
            throw FaceSearchException.Invalid($"'{Id}' is no gallery id: use 1 to {Ids.MaxGallery} lower-case letters, digits, '-', '_' or '.', starting with a letter or digit.");
        if (state.State.Phase == GalleryPhase.Active)
            throw new FaceSearchException(ProblemTypes.GalleryExists, 409, $"Gallery '{Id}' exists already.");
        GalleryRules.Check(settings);
        string model = settings.Model ?? (await Registry.GetActiveEmbedderAsync())?.Name ?? ExternalModel;
        if (model != ExternalModel && await Registry.FindAsync(model) is not { Kind: "embedder" })
            throw new FaceSearchException(ProblemTypes.ModelNotFound, 404, $"There is no embedder '{model}'. List the models, or leave the model out to take the active one.");
        if (model == ExternalModel && settings.Retention != Retention.None)
            throw FaceSearchException.Invalid($"A gallery with the model '{ExternalModel}' takes ready embeddings and sees no images: its retention is none.");
        ImpostorPrior prior = await PriorAsync(model);
        state.State = new GalleryState
        {
            Phase = GalleryPhase.Active,
            Settings = settings with { Model = model },
            Model = model,
            Generation = 1,
            LastGeneration = 1,
            CreatedAt = time.GetUtcNow(),
            // Never reused, so that a cached view of a deleted gallery of the same name is always older.
            ViewVersion = time.GetUtcNow().ToUnixTimeMilliseconds(),
            Map = new BucketMap(settings.Shards, 1),
            Calibration = CalibrationState.Of(ImpostorCalibration.Fit([], 0, prior), null),
        };
        await state.SaveAsync(this);
        _view = MakeView();
        await Directory.RecordAsync(Id, exists: true);
        return await DescribeAsync();
    }

    public async Task<GalleryDescription> DescribeAsync()
    {
        GalleryView view = Require();
        ShardStatus[] shards = await Task.WhenAll(Shards(view).Select(s => s.GetStatusAsync()));
        for (int i = 0; i < shards.Length; i++)
            shards[i] = shards[i] with { Buckets = view.Map.BucketsOf(i) };
        long identities = shards.Sum(s => s.Identities);
        ThresholdInForce threshold = new GalleryRoute(view).Threshold(view.Settings.Threshold, identities);
        ReembeddingStatus? move = await GrainFactory.GetGrain<IReembeddingGrain>(Id).GetAsync();
        return new GalleryDescription(Id, view.Settings, view.Model, view.Generation, state.State.CreatedAt, identities, shards.Sum(s => s.Templates), threshold, shards, GalleryRules.Impossible(view.Settings),
            move is { Phase: < ReembeddingPhase.Done } ? move : null);
    }

    public Task<GalleryModel> GetModelAsync()
    {
        GalleryView view = Require();
        return Task.FromResult(new GalleryModel(view.Model, view.Generation, view.Settings.Retention));
    }

    public async Task<GalleryDescription> UpdateAsync(GallerySettings settings)
    {
        GalleryView view = Require();
        GalleryRules.Check(settings);
        if (settings.Model is not null && settings.Model != view.Model)
            throw FaceSearchException.Invalid($"Gallery '{Id}' uses model '{view.Model}': a gallery's model is changed by re-embedding it, not by its settings.");
        if (settings.Retention != view.Settings.Retention)
            throw FaceSearchException.Invalid($"Gallery '{Id}' was created with retention '{view.Settings.Retention}', and people were enrolled on that promise: it cannot change.");
        await ChangeAsync(s =>
        {
            s.Settings = settings with { Model = view.Model, Shards = view.Settings.Shards };
            if (s.Other is { } other && settings.Threshold.TargetFpir is not null)
                s.Other = other with { Threshold = settings.Threshold };
        });
        return await DescribeAsync();
    }

    public async Task DeleteAsync()
    {
        if (state.State.Phase == GalleryPhase.Absent)
            return;
        GalleryView? view = _view;
        _view = null;
        state.State.Phase = GalleryPhase.Deleting;
        await state.SaveAsync(this);
        await GrainFactory.GetGrain<IReembeddingEndGrain>(Id).ForgetAsync();
        if (view is not null)
            await Task.WhenAll(AllShards(view).Select(s => s.DropAsync()));
        // After the shards: a job that starts now finds nothing to read any more.
        await GrainFactory.GetGrain<IClusteringEndGrain>(Id).ForgetAsync();
        await FinishDeletionAsync();
    }

    public async Task<IdentityPage> ListIdentitiesAsync(string? after, int limit)
    {
        GalleryView view = Require();
        if (limit is < 1 or > 1000)
            throw FaceSearchException.Invalid($"limit must be 1 to 1000; got {limit}.");
        IReadOnlyList<StoredIdentity>[] pages = await Task.WhenAll(Shards(view).Select(s => s.ListIdentitiesAsync(after, limit + 1)));
        List<StoredIdentity> merged = [.. pages.SelectMany(p => p).OrderBy(i => i.Id, StringComparer.Ordinal)];
        bool more = merged.Count > limit;
        IdentityDescription[] items = [.. merged.Take(limit).Select(i => IdentityMapping.Describe(i, view.Generation))];
        return new IdentityPage(items, more ? items[^1].Id : null);
    }

    public async Task<ThresholdInForce> CalibrateAsync()
    {
        await RecalibrateAsync(Require());
        return (await DescribeAsync()).Threshold;
    }

    public async Task CalibrateIfStaleAsync()
    {
        if (_view is not { } view || !_calibrator.MayRun())
            return;
        ShardStatus[] shards = await Task.WhenAll(Shards(view).Select(s => s.GetStatusAsync()));
        if (shards.All(s => s.State == "ready") && new GalleryRoute(view).IsStale(shards.Sum(s => s.Identities)))
            await RecalibrateAsync(view);
    }

    public async Task ShardFullAsync(int generation, int shard)
    {
        GalleryView? view = Require().Of(generation);
        if (view?.Map.GrownPast(shard) is not { } grown || grown == view.Map)
            return;
        await ChangeAsync(s =>
        {
            if (s.Generation == generation)
                s.Map = grown;
            else
                s.Other = s.Other! with { Map = grown };
        });
        LogGrown(Id, grown.ShardCount);
    }

    private IModelRegistryGrain Registry => GrainFactory.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);

    private IGalleryDirectoryGrain Directory => GrainFactory.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key);

    private IEnumerable<IGalleryShardGrain> Shards(GalleryView view) =>
        Enumerable.Range(0, view.Map.ShardCount).Select(n => GrainFactory.GetGrain<IGalleryShardGrain>(view.Shard(n).ToString()));

    /// <summary>Of both generations.</summary>
    private IEnumerable<IGalleryShardGrain> AllShards(GalleryView view) =>
        view.Other is { } other ? Shards(view).Concat(Shards(view.Of(other.Generation)!)) : Shards(view);

    private GalleryView Require() => _view ?? throw FaceSearchException.NoGallery(Id);

    private GalleryView MakeView()
    {
        GalleryState s = state.State;
        return new GalleryView(Id, s.ViewVersion, s.Settings, s.Model, s.Generation, s.Map, s.Calibration!, s.Other);
    }

    /// <summary>Stores a change, tells the present shards of the new version, and only then puts the new view into use.</summary>
    private async Task ChangeAsync(Action<GalleryState> change)
    {
        GalleryView before = Require();
        change(state.State);
        state.State.ViewVersion++;
        await state.SaveAsync(this);
        await Task.WhenAll(AllShards(before).Select(s => s.SetViewVersionAsync(state.State.ViewVersion)));
        _view = MakeView();
    }

    private async Task RecalibrateAsync(GalleryView view)
    {
        ScoreCalibration? calibration = await _calibrator.RunAsync(view, await PriorAsync(view.Model));
        if (calibration is null)
            return;
        await ChangeAsync(s => s.Calibration = CalibrationState.Of(calibration, time.GetUtcNow()));
        LogCalibrated(Id, calibration.SampleSize, calibration.FittedIdentities);
    }

    private Task<ImpostorPrior> PriorAsync(string model) => ModelPriors.OfAsync(GrainFactory, model);

    private async Task FinishDeletionAsync()
    {
        await snapshots.DeleteGalleryAsync(Id);
        await logs.DeleteGalleryAsync(Id);
        await crops.DeleteGalleryAsync(Id);
        await Directory.RecordAsync(Id, exists: false);
        await state.ClearStateAsync();
        state.State = new GalleryState();
    }

    [LoggerMessage(LogLevel.Information, "Gallery {Gallery} has grown to {Shards} shards.")]
    private partial void LogGrown(string gallery, int shards);

    [LoggerMessage(LogLevel.Information, "Gallery {Gallery} calibrated on {Samples} templates of {Identities} identities.")]
    private partial void LogCalibrated(string gallery, int samples, long identities);
}

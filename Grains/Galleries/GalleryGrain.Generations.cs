using FaceSearch.Evaluation;
using FaceSearch.Grains.Shards;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Galleries;

/// <summary>The generations of a gallery: one that answers, and at times one beside it.</summary>
public sealed partial class GalleryGrain
{
    public async Task<GalleryView> BeginAsync(string model, bool compatible)
    {
        GalleryView view = Require();
        if (state.State.Other is { } there)
        {
            if (there.Model != model || there.Answers)
                throw new FaceSearchException(ProblemTypes.ReembeddingRunning, 409, $"Gallery '{Id}' has a second generation already. Retire it, or roll back to it, first.");
            if (_view!.Other != there)
                await ChangeAsync(_ => { });
            return _view!;
        }
        ImpostorPrior expected = await PriorAsync(model);
        CalibrationState prior = CalibrationState.Of(ImpostorCalibration.Fit([], 0, expected), null);
        await ChangeAsync(s =>
        {
            s.LastGeneration = Math.Max(s.LastGeneration, s.Generation) + 1;
            // As many shards as there are now, in one layer: the newcomer starts balanced.
            s.Other = new OtherGeneration(s.LastGeneration, model, new BucketMap(view.Map.ShardCount, 1), prior, s.Settings.Threshold, compatible, Answers: false);
        });
        LogBegun(Id, _view!.Other!.Generation, model);
        return _view!;
    }

    public async Task PrepareAsync(int generation, CalibrationState calibration, ThresholdPolicy threshold)
    {
        if (Require().Other?.Generation == generation)
            await ChangeAsync(s => s.Other = s.Other! with { Calibration = calibration, Threshold = threshold });
    }

    public async Task<GalleryView> SwitchAsync(int from, int to)
    {
        GalleryView view = Require();
        // The state decides, not the view: telling the shards may have failed after the state was written.
        (int active, int? other) = (state.State.Generation, state.State.Other?.Generation);
        if (active == to && other == from)
        {
            if (view.Generation != to)
                await ChangeAsync(_ => { });
            return _view!;
        }
        if (active != from || other != to)
            throw new FaceSearchException(ProblemTypes.GenerationMismatch, 409, $"Gallery '{Id}' is at generation {active}; it cannot be switched from {from} to {to}.");
        await ChangeAsync(s =>
        {
            OtherGeneration next = s.Other!;
            s.Other = new OtherGeneration(s.Generation, s.Model, s.Map, s.Calibration!, s.Settings.Threshold, next.Compatible, Answers: true);
            s.Settings = s.Settings with { Model = next.Model, Threshold = next.Threshold };
            (s.Generation, s.Model, s.Map, s.Calibration) = (next.Generation, next.Model, next.Map, next.Calibration);
        });
        LogSwitched(Id, to, _view!.Model, from);
        return _view!;
    }

    public async Task EndAsync(int generation)
    {
        GalleryView view = Require();
        if (view.Generation == generation)
            throw new FaceSearchException(ProblemTypes.GenerationMismatch, 409, $"Generation {generation} of gallery '{Id}' is in use.");
        if (state.State.Other is { } other && other.Generation == generation)
            await ChangeAsync(s => (s.Ending, s.Other) = (other, null));
        if (state.State.Ending is not { } ending || ending.Generation != generation)
            return;
        await Task.WhenAll(Enumerable.Range(0, ending.Map.ShardCount)
            .Select(n => GrainFactory.GetGrain<IGalleryShardGrain>(new ShardId(Id, generation, n).ToString()).DropAsync()));
        await snapshots.DeleteGenerationAsync(Id, generation);
        await logs.DeleteGenerationAsync(Id, generation);
        state.State.Ending = null;
        await state.SaveAsync(this);
        LogEnded(Id, generation);
    }

    [LoggerMessage(LogLevel.Information, "Gallery {Gallery} has begun generation {Generation} with model {Model}: changes go to both.")]
    private partial void LogBegun(string gallery, int generation, string model);

    [LoggerMessage(LogLevel.Information, "Gallery {Gallery} answers with generation {Generation} ({Model}) now; generation {Previous} is kept.")]
    private partial void LogSwitched(string gallery, int generation, string model, int previous);

    [LoggerMessage(LogLevel.Information, "Generation {Generation} of gallery {Gallery} is erased.")]
    private partial void LogEnded(string gallery, int generation);
}

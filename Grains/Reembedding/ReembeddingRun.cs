using FaceSearch.Grains.Galleries;
using FaceSearch.Messages;
using FaceSearch.Vision;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Reembedding;

/// <summary>
/// The work of a re-embedding: one step after the other, each ending with what is stored, until the end or until it is stopped. It runs
/// in turns of the grain; only the embedding has a thread of its own. Whatever fails is tried again.
/// </summary>
internal sealed partial class ReembeddingRun
{
    private const int MostPasses = 5;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30), LongestSleep = TimeSpan.FromHours(1), AnnounceEvery = TimeSpan.FromSeconds(5);

    private readonly ReembeddingGrain _grain;
    private readonly string _gallery;
    private readonly Func<ReembeddingState> _state;
    private readonly ReembeddingServices _services;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly BackfillPace _pace;
    private readonly Task _loop;
    private bool _switchedHere;
    private long _announcedAt;

    public ReembeddingRun(ReembeddingGrain grain, string gallery, Func<ReembeddingState> state, ReembeddingServices services, ILogger logger)
    {
        (_grain, _gallery, _state, _services, _logger) = (grain, gallery, state, services, logger);
        _pace = new BackfillPace([services.Latencies.Search, services.Latencies.Embedding], services.Options.Value);
        _loop = LoopAsync();
    }

    public bool IsRunning => !_loop.IsCompleted;

    /// <summary>Of the backfill, over its last pages; null before there are any.</summary>
    public double? FacesPerSecond { get; private set; }

    /// <summary>Share of its time that the backfill rests.</summary>
    public double Throttle => _pace.Share;

    private ReembeddingState State => _state();

    private TimeProvider Time => _services.Time;

    /// <summary>Returns when it does nothing any more; what is stored is where another run goes on.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _loop;
    }

    /// <summary>Stops it without waiting.</summary>
    public void Abandon() => _stop.Cancel();

    private async Task LoopAsync()
    {
        await Task.Yield();
        int failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            if (State is { ToAnnounce: true, Phase: not null })
                await _grain.AnnounceAsync();
            if (!State.IsRunning)
                return;
            try
            {
                await StepAsync();
                failures = 0;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // whatever failed (a shard that is loading, a full disk) is tried again, and the status says what it is
            catch (Exception e)
#pragma warning restore CA1031
            {
                if (_stop.IsCancellationRequested)
                    return;
                LogFailed(e, _gallery, State.Phase!.Value);
                State.Reason = $"Waiting: {(e is FaceSearchException or Storage.StorageException ? e.Message : "an error that the server's log explains.")}";
                failures++;
                await DelayAsync(TimeSpan.FromMilliseconds(Math.Min(LongestWait.TotalMilliseconds, 100 * Math.Pow(2, failures))));
            }
        }
    }

    private Task StepAsync() => State.Phase switch
    {
        ReembeddingPhase.Preparing => PrepareAsync(),
        ReembeddingPhase.Backfilling => BackfillAsync(),
        ReembeddingPhase.CatchingUp => CatchUpAsync(),
        ReembeddingPhase.Verifying => VerifyAsync(),
        ReembeddingPhase.Active => KeepAsync(),
        _ => RetireAsync(),
    };

    private async Task PrepareAsync()
    {
        GalleryView view = await Generations.BeginAsync(State.NewModel, State.Compatible);
        State.NewGeneration = view.Other!.Generation;
        ShardStatus[] shards = await Task.WhenAll(Enumerable.Range(0, view.Map.ShardCount)
            .Select(n => _services.Grains.GetGrain<Shards.IGalleryShardGrain>(view.Shard(n).ToString()).GetStatusAsync()));
        State.Total = shards.Sum(s => s.Templates);
        (State.CursorShard, State.CursorAfter) = (0, null);
        await EnterAsync(ReembeddingPhase.Backfilling);
    }

    private async Task BackfillAsync()
    {
        using FaceRecoder recoder = await RecoderAsync(State.NewModel);
        GenerationPass pass = Pass(recoder, State.NewGeneration);
        while (true)
        {
            long started = Time.GetTimestamp();
            GalleryView view = await ViewAsync();
            if (State.CursorShard >= view.Map.ShardCount)
                break;
            PassPage page = await pass.ForwardAsync(view, State.CursorShard, State.CursorAfter, _stop.Token);
            ReembeddingState s = State;
            s.Copied += page.Copied;
            s.WithoutImage += page.WithoutImage;
            s.Failed += page.Failed;
            s.Moved += page.Templates - page.WithoutImage - page.Failed;
            s.Total = Math.Max(s.Total, s.Moved + s.WithoutImage + s.Failed);
            (s.CursorShard, s.CursorAfter) = page.Next is null ? (s.CursorShard + 1, null) : (s.CursorShard, page.Next);
            s.Reason = null;
            await SaveAsync();
            if (await RefuseAsync(s.Total))
                return;
            await RestAsync(started, page);
        }
        State.Passes = 0;
        await EnterAsync(ReembeddingPhase.CatchingUp);
    }

    private async Task RestAsync(long started, PassPage page)
    {
        TimeSpan rest = _pace.After(Time.GetElapsedTime(started));
        if (rest > TimeSpan.Zero)
            await DelayAsync(rest);
        _stop.Token.ThrowIfCancellationRequested();
        double speed = page.Templates / Math.Max(1e-3, Time.GetElapsedTime(started).TotalSeconds);
        FacesPerSecond = FacesPerSecond is { } before ? (0.8 * before) + (0.2 * speed) : speed;
        if (Time.GetElapsedTime(_announcedAt) >= AnnounceEvery)
        {
            _announcedAt = Time.GetTimestamp();
            await _grain.AnnounceAsync();
        }
    }

    private async Task CatchUpAsync()
    {
        using FaceRecoder recoder = await RecoderAsync(State.NewModel);
        GenerationDifference found = await Pass(recoder, State.NewGeneration).CompareAsync(ViewAsync, _stop.Token);
        State.Copied += found.Copied;
        (State.Total, State.WithoutImage, State.Failed, State.Moved) = (found.Templates, found.WithoutImage, found.Failed, found.Templates - found.WithoutImage - found.Failed);
        State.Passes++;
        if (await RefuseAsync(State.Total))
            return;
        // What a pass finds it has mended, and all later changes go to both: a second look is for certainty.
        if (found.Changed == 0 || State.Passes >= MostPasses)
            await EnterAsync(ReembeddingPhase.Verifying);
        else
            await SaveAsync();
    }

    private async Task VerifyAsync()
    {
        ReembeddingState s = State;
        GalleryView view = await ViewAsync();
        if (view.Generation == s.NewGeneration)
        {
            // The switch was made, and the process stopped before it was written down here.
            await SwitchedAsync();
            return;
        }
        GalleryView next = view.Of(s.NewGeneration) ?? throw FaceSearchException.NoGallery(_gallery);
        GenerationCheck check = new(_services.Grains, _services.Crops, new LiveEmbedding(_services.Grains, _services.Fitter), _services.Options.Value, Time);
        CheckResult result = await check.RunAsync(view, next, s.WithoutImage + s.Failed, _stop.Token);
        if (result.Refusal is not null)
        {
            if (result.Sampled == 0 && s.Passes < MostPasses)
                await EnterAsync(ReembeddingPhase.CatchingUp);
            else
                await _grain.EndAsync(ReembeddingPhase.Refused, s.NewGeneration, result.Refusal, Time.GetUtcNow());
            return;
        }
        s.Verification = await new ThresholdTransfer(_services.Grains, Time).RunAsync(view, next, result);
        await SaveAsync();
        await Generations.SwitchAsync(s.OldGeneration, s.NewGeneration);
        await SwitchedAsync();
    }

    private async Task SwitchedAsync()
    {
        ReembeddingState s = State;
        s.RetireAt = Time.GetUtcNow() + (s.Request!.KeepFor ?? _services.Options.Value.KeepFor);
        _switchedHere = true;
        s.Outbox.Add(new PendingActivation($"{_gallery}/{s.NewGeneration}/switch", s.NewModel, s.NewGeneration, s.OldModel, Time.GetUtcNow()));
        await EnterAsync(ReembeddingPhase.Active);
        await _grain.PublishAsync();
    }

    private async Task KeepAsync()
    {
        ReembeddingState s = State;
        GalleryView view = await ViewAsync();
        if (view.Generation == s.OldGeneration)
        {
            s.Outbox.Add(new PendingActivation($"{_gallery}/{s.NewGeneration}/rollback", s.OldModel, s.OldGeneration, s.NewModel, Time.GetUtcNow()));
            await _grain.EndAsync(ReembeddingPhase.RolledBack, s.NewGeneration, "Rolled back by command.", Time.GetUtcNow() + _services.Options.Value.Grace);
            return;
        }
        if (!_switchedHere)
        {
            // A process that stopped may have stopped between the two generations of a change.
            using FaceRecoder recoder = await RecoderAsync(s.OldModel);
            await Pass(recoder, s.OldGeneration).CompareAsync(ViewAsync, _stop.Token);
            _switchedHere = true;
        }
        TimeSpan left = s.RetireAt!.Value - Time.GetUtcNow();
        if (left > TimeSpan.Zero)
            await DelayAsync(left < LongestSleep ? left : LongestSleep);
        else
            await _grain.EndAsync(ReembeddingPhase.Done, s.OldGeneration, null, Time.GetUtcNow());
    }

    private async Task RetireAsync()
    {
        ReembeddingState s = State;
        TimeSpan left = (s.RetireAt ?? DateTimeOffset.MinValue) - Time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            await DelayAsync(left < LongestSleep ? left : LongestSleep);
            return;
        }
        // Cancelled before it was written down here which generation had been begun.
        if (s.Doomed == 0 && (await ViewAsync()).Other is { Answers: false } begun && begun.Model == s.NewModel)
            s.Doomed = begun.Generation;
        if (s.Doomed > 0)
            await Generations.EndAsync(s.Doomed);
        s.RetireAt = null;
        await EnterAsync(s.Outcome);
    }

    private async Task<bool> RefuseAsync(long total)
    {
        ReembeddingState s = State;
        double most = s.Request!.MaxMissingShare ?? _services.Options.Value.MaxMissingShare;
        long missing = s.WithoutImage + s.Failed;
        if (missing <= most * total)
            return false;
        await _grain.EndAsync(ReembeddingPhase.Refused, s.NewGeneration,
            $"{missing} of {total} templates cannot be moved ({s.WithoutImage} have no retained image, {s.Failed} could not be embedded); at most {most:P1} were allowed. Ask for more with maxMissingShare, and enrol those people again.",
            Time.GetUtcNow());
        return true;
    }

    private Task EnterAsync(ReembeddingPhase phase)
    {
        _stop.Token.ThrowIfCancellationRequested();
        State.Phase = phase;
        if (phase is not (ReembeddingPhase.Refused or ReembeddingPhase.RolledBack or ReembeddingPhase.Cancelled))
            State.Reason = null;
        return _grain.EnteredAsync();
    }

    private Task SaveAsync()
    {
        _stop.Token.ThrowIfCancellationRequested();
        return _grain.SaveAsync();
    }

    private async Task<FaceRecoder> RecoderAsync(string model)
    {
        IFaceEmbedder embedder = await Task.Run(() => _services.Embedders.Open(model))
            ?? throw new FaceSearchException(ProblemTypes.ModelNotInstalled, 503, $"Embedder '{model}' is not installed on this server any more.");
        return new FaceRecoder(_gallery, embedder, _services.Embedders, _services.Crops, _services.Options.Value.Batch);
    }

    private GenerationPass Pass(FaceRecoder recoder, int to) => new(_services.Grains, _gallery, to, State.Compatible, recoder, _services.Options.Value.Page);

    private IGalleryGenerationsGrain Generations => _services.Grains.GetGrain<IGalleryGenerationsGrain>(_gallery);

    private async Task<GalleryView> ViewAsync()
    {
        _stop.Token.ThrowIfCancellationRequested();
        return await _services.Grains.GetGrain<IGalleryRoutingGrain>(_gallery).GetViewAsync() ?? throw FaceSearchException.NoGallery(_gallery);
    }

    private async Task DelayAsync(TimeSpan time) =>
        await Task.Delay(time, Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

    [LoggerMessage(LogLevel.Warning, "Re-embedding of gallery {Gallery} met an error while {Phase}; it is tried again.")]
    private partial void LogFailed(Exception e, string gallery, ReembeddingPhase phase);
}

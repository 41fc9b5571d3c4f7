using System.Diagnostics;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Telemetry;
using Orleans.Concurrency;

namespace FaceSearch.Grains.Identification;

/// <summary>
/// Fans a search out to the gallery's shards under one absolute deadline, merges, and decides. All shards must answer unless the
/// caller allows less: "unknown" from a partial search would be a wrong answer.
/// </summary>
[StatelessWorker, Reentrant]
public sealed class IdentifyGrain(GalleryRoutes routes, ShardCalls shards, LiveLatencies latencies, TimeProvider time) : Grain, IIdentifyGrain
{
    /// <summary>Kept of a partial answer's time for its way back, at most.</summary>
    private static readonly TimeSpan LongestReturn = TimeSpan.FromMilliseconds(25);

    public Task<IdentifyOutcome> IdentifyAsync(IdentifyQuery query, CancellationToken cancellationToken)
    {
        IdentifyRules.Check(query);
        return routes.WithAsync(query.Gallery, () => routes.PinnedAsync(query.Gallery, query.Generation), route => IdentifyAsync(route, query, cancellationToken));
    }

    private async Task<IdentifyOutcome> IdentifyAsync(GalleryRoute route, IdentifyQuery query, CancellationToken cancellationToken)
    {
        long started = time.GetTimestamp();
        if (ReadPlan.Outgrows(query, route.View))
        {
            routes.Forget(query.Gallery);
            route = await routes.GetAsync(query.Gallery);
            if (ReadPlan.Outgrows(query, route.View))
                throw FaceSearchException.Invalid("A consistency token names a shard that the gallery does not have: it is of another gallery of that name.");
        }
        while (true)
        {
            // The generation that the caller embedded for: after a switch the old one still answers those who began before it.
            GalleryRoute pinned = route.For(query.Generation) ?? throw Identities.Conflicts.WrongGeneration(query.Gallery, query.Generation, route.View.Generation);
            ShardAnswer?[] answers = await SearchAsync(pinned, query, cancellationToken);
            long newest = answers.Max(a => a?.ViewVersion ?? 0);
            if (newest <= route.View.Version)
            {
                latencies.Search.Record(time.GetElapsedTime(started));
                return Decide(pinned, query, answers, pinned == route);
            }
            route = await routes.GetAsync(query.Gallery, newest);
        }
    }

    private async Task<ShardAnswer?[]> SearchAsync(GalleryRoute route, IdentifyQuery query, CancellationToken cancellationToken)
    {
        using Activity? span = GrainTracing.Source.StartActivity("identify.fan_out");
        GalleryView view = route.View;
        span?.SetTag("gallery", query.Gallery).SetTag("shards", view.Map.ShardCount);
        // At least two identities are needed to tell whether the best one stands clear.
        ShardQuery ask = new(query.Probe, Math.Max(2, query.Top), query.Filter, query.DeadlineAt, query.Threshold?.Score ?? route.DecisionThreshold);
        TimeSpan left = query.DeadlineAt - time.GetUtcNow();
        if (left <= TimeSpan.Zero)
            throw TooLate(query, 0, view.Map.ShardCount);
        Task<ShardAnswer>[] asked = new Task<ShardAnswer>[view.Map.ShardCount];
        Exception?[] setbacks = new Exception?[asked.Length];
        for (int i = 0; i < asked.Length; i++)
            asked[i] = AskAsync(view.Shard(i));
        // What the caller may get without the late shards has to reach him in time; a refusal may as well come at the deadline.
        TimeSpan wait = query.AllowPartial ? left - TimeSpan.FromTicks(Math.Min(LongestReturn.Ticks, left.Ticks / 10)) : left;
        await ((Task)Task.WhenAll(asked)).WaitAsync(wait, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        cancellationToken.ThrowIfCancellationRequested();
        ShardAnswer?[] answers = new ShardAnswer?[asked.Length];
        int answered = 0;
        for (int i = 0; i < asked.Length; i++)
        {
            if (asked[i].IsCompletedSuccessfully)
            {
                answers[i] = asked[i].Result;
                answered++;
            }
            else
            {
                asked[i].Ignore();
            }
        }
        if (answered == 0 || (answered < answers.Length && !query.AllowPartial))
            throw Failure(asked, setbacks, query, answered);
        return answers;

        Task<ShardAnswer> AskAsync(ShardId shard) => shards.AskAsync(shard, ask with { MinLsn = ReadPlan.MinLsn(query.After, shard) }, view.Settings.Replicas,
            ReadPlan.Of(query, view), e => setbacks[shard.Shard] = e, cancellationToken);
    }

    private FaceSearchException Failure(Task<ShardAnswer>[] asked, Exception?[] setbacks, IdentifyQuery query, int answered)
    {
        Exception? error = asked.Select(t => t.Exception?.InnerException).FirstOrDefault(e => e is not null)
            ?? asked.Select((t, i) => t.IsCompletedSuccessfully ? null : setbacks[i]).FirstOrDefault(e => e is not null);
        if (error is FaceSearchException { Type: ProblemTypes.GalleryNotFound })
            routes.Forget(query.Gallery);
        return error switch
        {
            FaceSearchException known => known,
            null => TooLate(query, answered, asked.Length),
            _ => new FaceSearchException(ProblemTypes.ShardUnavailable, 503, $"{answered} of {asked.Length} shards of gallery '{query.Gallery}' answered.", TimeSpan.FromSeconds(1)),
        };
    }

    private static FaceSearchException TooLate(IdentifyQuery query, int answered, int total) =>
        new(ProblemTypes.DeadlineExceeded, 504, $"{answered} of {total} shards of gallery '{query.Gallery}' answered before the deadline. Allow more time, or a partial answer.", TimeSpan.FromSeconds(1));

    private IdentifyOutcome Decide(GalleryRoute route, IdentifyQuery query, ShardAnswer?[] answers, bool active)
    {
        GalleryView view = route.View;
        long identities = answers.Sum(a => a?.Identities ?? 0);
        Candidate[] candidates = Merge.Best(answers, Math.Max(2, query.Top));
        ThresholdInForce threshold = route.Threshold(query.Threshold ?? view.Settings.Threshold, identities);
        float margin = query.Margin ?? view.Settings.Margin;
        float best = candidates.Length > 0 ? candidates[0].Score : float.NegativeInfinity;
        float runnerUp = candidates.Length > 1 ? candidates[1].Score : float.NegativeInfinity;
        Decision decision = Evaluation.DecisionRule.Decide(best, runnerUp, threshold.Threshold, margin) switch
        {
            Evaluation.Decision.Match => Decision.Match,
            Evaluation.Decision.Ambiguous => Decision.Ambiguous,
            _ => Decision.Unknown,
        };
        if (active && route.IsStale(identities))
            GrainFactory.GetGrain<IGalleryRoutingGrain>(query.Gallery).CalibrateIfStaleAsync().Ignore();
        int answered = answers.Count(a => a is not null), replicas = answers.Count(a => a is { FromReplica: true });
        GrainMetrics.Answered(query.Gallery, answered - replicas, replicas);
        return new IdentifyOutcome(
            decision, candidates.Length > query.Top ? candidates[..query.Top] : candidates, threshold, margin, view.Model, view.Generation,
            answered, answers.Length, answers.Max(a => a?.SearchMicroseconds ?? 0), answers.Any(a => a is { StoppedEarly: true }), replicas);
    }
}

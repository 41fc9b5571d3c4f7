using FaceSearch.Evaluation;

namespace FaceSearch.Grains.Models;

/// <summary>What a shadow run has counted: sums only, no embedding.</summary>
[GenerateSerializer, Alias("fs.ShadowState")]
public sealed class ShadowState
{
    [Id(0)] public string Active { get; set; } = "";
    [Id(1)] public DateTimeOffset Since { get; set; }
    [Id(2)] public long Probes { get; set; }
    [Id(3)] public long Failed { get; set; }
    [Id(4)] public long Pairs { get; set; }
    [Id(5)] public long BothSame { get; set; }
    [Id(6)] public long OnlyActive { get; set; }
    [Id(7)] public long OnlyShadow { get; set; }
    [Id(8)] public double Milliseconds { get; set; }

    /// <summary>Sums of x, y, xx, yy, xy over the pairs; x the active model's score, y the shadow's.</summary>
    [Id(9)] public double[] Moments { get; set; } = new double[5];
}

/// <summary>
/// Two models' vectors never meet, so they are compared by what each says of the same pairs: every probe with the recent ones before
/// it. The recent probes' vectors are in memory alone and few; what is stored are counts.
/// </summary>
public sealed class ShadowGrain([PersistentState("shadow")] IPersistentState<ShadowState> state, TimeProvider time) : Grain, IShadowGrain
{
    private const int Recent = 64, SavedEvery = 32;
    private const double Fmr = 1e-3;
    private const long LeastPairs = 100;

    private readonly Queue<(Embedding Active, Embedding Shadow)> _recent = new();
    private (float Active, float Shadow)? _thresholds;

    private ShadowState Seen => state.State;

    public async Task ObserveAsync(string active, Embedding embedding, FaceCrop crop)
    {
        if (Seen.Active != active)
            await StartAsync(active);
        long started = time.GetTimestamp();
        Embedding own;
        try
        {
            own = (await GrainFactory.GetGrain<IEmbedderGrain>(this.GetPrimaryKeyString()).EmbedAsync([crop]))[0];
        }
        catch (FaceSearchException)
        {
            Seen.Failed++;
            await SaveNowAndThenAsync();
            return;
        }
        Seen.Milliseconds += time.GetElapsedTime(started).TotalMilliseconds;
        Seen.Probes++;
        (float activeThreshold, float shadowThreshold) = _thresholds ??= await ThresholdsAsync(active);
        foreach ((Embedding earlierActive, Embedding earlierOwn) in _recent)
            Count(embedding.Score(earlierActive), own.Score(earlierOwn), activeThreshold, shadowThreshold);
        _recent.Enqueue((embedding, own));
        if (_recent.Count > Recent)
            _recent.Dequeue();
        await SaveNowAndThenAsync();
    }

    public Task<ShadowReport> GetReportAsync() => Task.FromResult(new ShadowReport(
        this.GetPrimaryKeyString(), Seen.Active, Seen.Probes, Seen.Failed, Seen.Pairs, Seen.BothSame, Seen.OnlyActive, Seen.OnlyShadow,
        Correlation(), Seen.Probes == 0 ? null : Seen.Milliseconds / Seen.Probes, Seen.Since));

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (state.RecordExists || Seen.Probes > 0)
            await state.WriteStateAsync(cancellationToken);
    }

    private async Task StartAsync(string active)
    {
        state.State = new ShadowState { Active = active, Since = time.GetUtcNow() };
        _recent.Clear();
        _thresholds = null;
        await state.WriteStateAsync();
    }

    private void Count(float active, float shadow, float activeThreshold, float shadowThreshold)
    {
        Seen.Pairs++;
        bool a = active >= activeThreshold, s = shadow >= shadowThreshold;
        Seen.BothSame += a && s ? 1 : 0;
        Seen.OnlyActive += a && !s ? 1 : 0;
        Seen.OnlyShadow += s && !a ? 1 : 0;
        double[] m = Seen.Moments;
        m[0] += active;
        m[1] += shadow;
        m[2] += active * active;
        m[3] += shadow * shadow;
        m[4] += active * shadow;
    }

    private double? Correlation()
    {
        if (Seen.Pairs < LeastPairs)
            return null;
        double n = Seen.Pairs;
        double[] m = Seen.Moments;
        double spread = Math.Sqrt(((m[2] / n) - (m[0] / n * m[0] / n)) * ((m[3] / n) - (m[1] / n * m[1] / n)));
        double correlation = ((m[4] / n) - (m[0] / n * m[1] / n)) / spread;
        return double.IsFinite(correlation) ? correlation : null;
    }

    private async Task<(float Active, float Shadow)> ThresholdsAsync(string active) => (await ThresholdAsync(active), await ThresholdAsync(this.GetPrimaryKeyString()));

    private async Task<float> ThresholdAsync(string model)
    {
        ModelDescription? known = await GrainFactory.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key).FindAsync(model);
        ImpostorPrior prior = known is { OperatingPoints.Count: >= 2 }
            ? new ImpostorPrior([.. known.OperatingPoints.Select(p => new Evaluation.OperatingPoint(p.Fmr, p.Score))])
            : ImpostorPrior.ForDimension(Embedding.Dimension);
        return ImpostorCalibration.Fit([], 0, prior).ThresholdForFmr(Fmr);
    }

    private async Task SaveNowAndThenAsync()
    {
        if ((Seen.Probes + Seen.Failed) % SavedEvery == 0)
            await state.WriteStateAsync();
    }
}

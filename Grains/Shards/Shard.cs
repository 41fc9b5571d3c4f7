using System.Diagnostics;
using FaceSearch.Grains.Telemetry;
using FaceSearch.Storage;
using FaceSearch.VectorIndex;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Shards;

/// <summary>What a shard is built from.</summary>
internal sealed record ShardParts(
    ITemplateLogProvider Logs,
    ISnapshotStore Snapshots,
    IEventPublisher Events,
    ShardOptions Options,
    TimeProvider Time,
    ILogger Logger,
    float DecisionThreshold = 0.5f,
    ICropStore? Crops = null);

/// <summary>
/// One shard without its grain: the log (truth), and the directory and index derived from it.
/// <para>
/// Order of an acknowledgement: append to the log (group commit, fsync), add to the index's exact tail and the directory,
/// return. A change is therefore searchable when its caller hears of it, and a crash in between loses nothing acknowledged.
/// </para>
/// </summary>
internal sealed class Shard : IAsyncDisposable
{
    private const int Stripes = 256;

    private readonly ShardParts _parts;
    private readonly SemaphoreSlim[] _stripes = [.. Enumerable.Range(0, Stripes).Select(_ => new SemaphoreSlim(1))];
    private readonly CommitGate _gate = new();

    /// <param name="parts">Collaborators.</param>
    /// <param name="log">Open log.</param>
    /// <param name="state">Directory and index as of the log's head.</param>
    public Shard(ShardParts parts, ITemplateLog log, ShardState state)
    {
        _parts = parts;
        Log = log;
        Directory = state.Directory;
        Index = state.Index;
        Notice = state.Notice;
        Auditor = new RecallAuditor(state.Index, new RecallAuditorOptions { DecisionThreshold = parts.DecisionThreshold });
        Maintenance = new ShardMaintenance(this, parts, state);
        ShardGauges.Add(this);
    }

    public ShardId Id => Log.Shard;

    public ITemplateLog Log { get; }

    public ShardDirectory Directory { get; }

    public TieredIndex Index { get; }

    /// <summary>Replays a sample of the live searches exactly, in idle time.</summary>
    public RecallAuditor Auditor { get; }

    /// <summary>What opening found amiss and dealt with; null if nothing.</summary>
    public string? Notice { get; }

    /// <summary>Whoever reads the index on another thread holds a lease: its memory is native and must outlive them.</summary>
    public ReaderGate Readers { get; } = new();

    /// <summary>Snapshots, erasure and the outbox.</summary>
    public ShardMaintenance Maintenance { get; }

    /// <summary>
    /// Commits a change, makes it visible and retains its images. Changes of one identity are applied in the order of their commits, so
    /// an image is never stored after the erasure of its template; a repeated operation stores what a crash kept from being stored.
    /// </summary>
    public async Task<CommitResult> CommitAsync(IdentityChange change, IReadOnlyList<ImageToRetain>? images = null)
    {
        using Activity? span = GrainTracing.Source.StartActivity("log.commit");
        span?.SetTag("gallery", Id.Gallery).SetTag("shard", Id.Shard);
        await _gate.EnterAsync();
        SemaphoreSlim stripe = _stripes[Buckets.Of(change.Identity) % Stripes];
        await stripe.WaitAsync();
        try
        {
            CommitResult result = await GrainMetrics.CommittedAsync(Id, Log.CommitAsync(change));
            if (result.Status == CommitStatus.Applied)
                Apply(change, result);
            if (images is { Count: > 0 } && _parts.Crops is { } crops && result.Status is CommitStatus.Applied or CommitStatus.Replayed)
                await RetainAsync(crops, change.Identity, result.Templates, images!);
            return result;
        }
        finally
        {
            stripe.Release();
            _gate.Exit();
        }
    }

    /// <summary>Commits a change that removes templates; returns when they are gone from memory and every file.</summary>
    /// <param name="change">The change.</param>
    /// <param name="committed">Is told the LSN as soon as the change is invisible here, before its bytes are gone.</param>
    public async Task<ShardErasure> EraseAsync(IdentityChange change, Action<long>? committed = null)
    {
        CommitResult result = await CommitAsync(change);
        committed?.Invoke(result.Lsn);
        int rewritten = 0;
        if (result.Status is CommitStatus.Applied or CommitStatus.Replayed)
            rewritten = await Maintenance.CompleteErasureAsync(result.Lsn);
        return new ShardErasure(result.Status, change.Erase ? result.Templates.Count : change.Remove.Count, rewritten, _parts.Time.GetUtcNow(), Lsn: result.Lsn);
    }

    /// <summary>The log's position at a moment when every committed change is also in directory and index.</summary>
    public async Task<LogHead> QuiescentHeadAsync()
    {
        await _gate.CloseAsync();
        try
        {
            return Log.Head;
        }
        finally
        {
            _gate.Open();
        }
    }

    /// <summary>The best identities for a probe. Runs on the calling thread; read-only; any number at once.</summary>
    public (ShardFinding Finding, double Microseconds) Search(ShardQuery query)
    {
        using ReaderGate.Lease reading = Readers.Enter();
        long started = Stopwatch.GetTimestamp();
        if (!_parts.Options.EarlyDecision)
            query = query with { DecisionThreshold = null };
        ShardFinding finding = ShardSearch.Run(Directory, Index, Id.Generation, query, Auditor);
        TimeSpan took = Stopwatch.GetElapsedTime(started);
        GrainMetrics.Searched(Id, took);
        return (finding, took.TotalMicroseconds);
    }

    /// <summary>Best score of a probe against one identity's templates; null if there is none.</summary>
    public IdentityScore? Score(string identity, Embedding probe)
    {
        using ReaderGate.Lease reading = Readers.Enter();
        if (!Directory.TryGet(identity, out IdentityEntry? entry))
            return null;
        IdentityScore? best = null;
        Span<float> vector = stackalloc float[Embedding.Dimension];
        foreach (long template in entry.State.Templates)
        {
            if (!Index.TryGetVector(template, vector))
                continue;
            float score = probe.Score(vector);
            if (best is null || score > best.Score)
                best = new IdentityScore(score, new TemplateId(template));
        }
        return best;
    }

    public async ValueTask DisposeAsync()
    {
        ShardGauges.Remove(this);
        await Maintenance.DisposeAsync();
        await _gate.ShutAsync();
        await Readers.CloseAsync();
        Auditor.Dispose();
        await Log.DisposeAsync();
        Index.Dispose();
    }

    private async Task RetainAsync(ICropStore crops, string identity, IReadOnlyList<TemplateId> templates, IReadOnlyList<ImageToRetain> images)
    {
        List<RetainedImage> retained = new(images.Count);
        foreach (ImageToRetain image in images)
        {
            if (image.Template < templates.Count && Directory.TryGetOwner(templates[image.Template].Value, out IdentityEntry? owner) && owner.Id == identity)
                retained.Add(new RetainedImage(templates[image.Template], image.Kind, image.Bytes));
        }
        if (retained.Count > 0)
            await crops.PutAsync(Id.Gallery, identity, retained);
    }

    private void Apply(IdentityChange change, CommitResult result)
    {
        Maintenance.Removed(change.Erase ? result.Templates : change.Remove);
        if (change.Erase)
        {
            Directory.Remove(change.Identity);
            foreach (TemplateId template in result.Templates)
                Index.Remove(template.Value);
            return;
        }
        foreach (TemplateId template in change.Remove)
            Index.Remove(template.Value);
        foreach (TemplateRecord template in change.Add)
            Index.Add(template.Id.Value, template.Embedding.Values);
        Directory.Set(change.Identity, IdentityState.Of(result.Current!));
    }
}

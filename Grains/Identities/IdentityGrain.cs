using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Identities;

/// <summary>
/// One person in one gallery. Its record lives in the shard's log, where metadata and templates change in one transaction; the
/// grain serialises the changes, finds the shard and looks for conflicts. It holds nothing between calls, so a collected or
/// doubled activation loses nothing: the log decides.
/// </summary>
public sealed class IdentityGrain(GalleryRoutes routes, TimeProvider time) : Grain, IIdentityGrain
{
    private const double DefaultVerificationFmr = 1e-3;

    private string _gallery = "";
    private string _identity = "";

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        (_gallery, _identity) = Ids.ParseIdentityKey(this.GetPrimaryKeyString());
        return Task.CompletedTask;
    }

    public async Task<EnrolOutcome> EnrolAsync(EnrolCommand command, CancellationToken cancellationToken)
    {
        IdentityRules.CheckId(_identity);
        IdentityRules.Check(command);
        GalleryRoute route = await routes.GetAsync(_gallery);
        if (command.Generation != route.View.Generation)
            throw Conflicts.WrongGeneration(_gallery, command.Generation, route.View.Generation);
        (IGalleryShardGrain shard, bool known) = await LocateAsync(route, command.OperationId);
        if (command.OnConflict == ConflictPolicy.Report && !known)
        {
            IReadOnlyList<EnrolmentConflict> conflicts = await Conflicts.FindAsync(GrainFactory, route.View, _identity, command.Templates, time, cancellationToken);
            if (conflicts.Count > 0 && !(await shard.ClaimAsync(_identity, command.OperationId)).KnowsOperation)
                return new EnrolOutcome(EnrolStatus.Conflict, _identity, 0, Array.Empty<TemplateId>(), conflicts);
        }
        CommitResult result = await CommitNewAsync(route, shard, command);
        return result.Status switch
        {
            CommitStatus.Applied => new EnrolOutcome(EnrolStatus.Enrolled, _identity, result.Version, result.Templates, Array.Empty<EnrolmentConflict>()),
            CommitStatus.Replayed => new EnrolOutcome(EnrolStatus.Replayed, _identity, result.Version, result.Templates, Array.Empty<EnrolmentConflict>()),
            _ => throw Refused(result.Status),
        };
    }

    public async Task<IdentityDescription> GetAsync()
    {
        GalleryRoute route = await routes.GetAsync(_gallery);
        StoredIdentity stored = await (await FindAsync(route)).GetIdentityAsync(_identity) ?? throw FaceSearchException.NoIdentity(_gallery, _identity);
        return IdentityMapping.Describe(stored, route.View.Generation);
    }

    public async Task<IdentityDescription> UpdateMetadataAsync(string operationId, IReadOnlyDictionary<string, string> metadata, long? expectedVersion)
    {
        IdentityRules.CheckOperation(operationId);
        IdentityRules.CheckMetadata(metadata);
        GalleryRoute route = await routes.GetAsync(_gallery);
        (IGalleryShardGrain shard, _) = await LocateAsync(route, operationId);
        CommitResult result = await CommitAsync(route, shard, Change(operationId) with
        {
            Metadata = metadata,
            ExpectedVersion = expectedVersion,
            Fingerprint = Fingerprint.Of("metadata", metadata),
        });
        if (result.Status is not (CommitStatus.Applied or CommitStatus.Replayed))
            throw Refused(result.Status);
        return await GetAsync();
    }

    public Task<ErasureReceipt> RemoveTemplateAsync(string operationId, TemplateId template) =>
        EraseAsync(Change(operationId) with { Remove = new[] { template }, Fingerprint = Fingerprint.Of("remove", template: template) }, template);

    public Task<ErasureReceipt> EraseAsync(string operationId) =>
        EraseAsync(Change(operationId) with { Erase = true, Fingerprint = Fingerprint.Of("erase") }, null);

    public async Task<VerifyOutcome> VerifyAsync(Embedding probe, int generation, double? fmr)
    {
        if (fmr is { } asked && !(asked is > 0 and < 0.5))
            throw FaceSearchException.Invalid($"fmr must be above 0 and below 0.5; got {asked}.");
        GalleryRoute route = await routes.GetAsync(_gallery);
        if (generation != route.View.Generation)
            throw Conflicts.WrongGeneration(_gallery, generation, route.View.Generation);
        IGalleryShardGrain shard = await FindAsync(route);
        IdentityScore? score = await shard.ScoreAsync(_identity, probe);
        if (score is null)
        {
            _ = await shard.GetIdentityAsync(_identity) ?? throw FaceSearchException.NoIdentity(_gallery, _identity);
            throw new FaceSearchException(ProblemTypes.TemplateNotFound, 404, $"Identity '{_identity}' has no templates to compare with. Enrol it first.");
        }
        double rate = fmr ?? DefaultVerificationFmr;
        float threshold = route.Calibration.ThresholdForFmr(rate);
        return new VerifyOutcome(score.Score >= threshold, score.Score, threshold, rate, score.Template);
    }

    private IdentityChange Change(string operationId) => new() { OperationId = operationId, Identity = _identity, At = time.GetUtcNow() };

    private async Task<CommitResult> CommitAsync(GalleryRoute route, IGalleryShardGrain shard, IdentityChange change)
    {
        ShardCommit commit = await shard.CommitAsync(change);
        if (commit.ViewVersion > route.View.Version)
            routes.Forget(_gallery);
        return commit.Result;
    }

    private async Task<CommitResult> CommitNewAsync(GalleryRoute route, IGalleryShardGrain shard, EnrolCommand command)
    {
        DateTimeOffset now = time.GetUtcNow();
        IdentityChange change = Change(command.OperationId) with { Metadata = command.Metadata, Fingerprint = Fingerprint.Of(command) };
        while (true)
        {
            TemplateRecord[] records = new TemplateRecord[command.Templates.Count];
            for (int i = 0; i < records.Length; i++)
                records[i] = new TemplateRecord(TemplateId.New(time), command.Templates[i].Embedding, command.Templates[i].Quality, now);
            CommitResult result = await CommitAsync(route, shard, change with { Add = records });
            if (result.Status != CommitStatus.TemplateIdTaken)
                return result;
        }
    }

    private async Task<ErasureReceipt> EraseAsync(IdentityChange change, TemplateId? template)
    {
        IdentityRules.CheckOperation(change.OperationId);
        GalleryRoute route = await routes.GetAsync(_gallery);
        (IGalleryShardGrain shard, _) = await LocateAsync(route, change.OperationId);
        ShardErasure erasure = await shard.EraseAsync(change);
        if (erasure.Status == CommitStatus.NotFound && template is { } missing)
        {
            _ = await shard.GetIdentityAsync(_identity) ?? throw FaceSearchException.NoIdentity(_gallery, _identity);
            throw new FaceSearchException(ProblemTypes.TemplateNotFound, 404, $"Identity '{_identity}' has no template {missing}.");
        }
        if (erasure.Status is not (CommitStatus.Applied or CommitStatus.Replayed))
            throw Refused(erasure.Status);
        return new ErasureReceipt(_identity, erasure.Templates, erasure.SnapshotsRewritten, erasure.At);
    }

    /// <summary>The shard that holds the identity or knows the operation; otherwise the newest layer's.</summary>
    private async Task<(IGalleryShardGrain Shard, bool KnowsOperation)> LocateAsync(GalleryRoute route, string operationId)
    {
        int[] numbers = route.View.Map.ShardsOf(_identity);
        if (numbers.Length == 1)
            return (Shard(route, numbers[0]), false);
        ShardClaim[] claims = await Task.WhenAll(numbers.Select(n => Shard(route, n).ClaimAsync(_identity, operationId)));
        int at = Array.FindIndex(claims, c => c.KnowsOperation);
        bool known = at >= 0;
        if (!known)
            at = Array.FindIndex(claims, c => c.HasIdentity);
        return (Shard(route, numbers[Math.Max(at, 0)]), known);
    }

    private async Task<IGalleryShardGrain> FindAsync(GalleryRoute route)
    {
        int[] numbers = route.View.Map.ShardsOf(_identity);
        if (numbers.Length == 1)
            return Shard(route, numbers[0]);
        StoredIdentity?[] found = await Task.WhenAll(numbers.Select(n => Shard(route, n).GetIdentityAsync(_identity)));
        return Shard(route, numbers[Math.Max(Array.FindIndex(found, f => f is not null), 0)]);
    }

    private IGalleryShardGrain Shard(GalleryRoute route, int number) =>
        GrainFactory.GetGrain<IGalleryShardGrain>(route.View.Shard(number).ToString());

    private FaceSearchException Refused(CommitStatus status) => status switch
    {
        CommitStatus.OperationReused => new(ProblemTypes.OperationReused, 409, "This operation id was used before for something else. Use a new id for a new request."),
        CommitStatus.Superseded => new(ProblemTypes.OperationSuperseded, 409, "This operation was applied before, and the identity has been erased since. Use a new operation id to enrol it again."),
        CommitStatus.VersionConflict => new(ProblemTypes.VersionConflict, 409, $"Identity '{_identity}' has changed since that version. Read it and try again."),
        CommitStatus.NotFound => FaceSearchException.NoIdentity(_gallery, _identity),
        _ => new(ProblemTypes.Internal, 500, "The change was refused for an unforeseen reason."),
    };
}

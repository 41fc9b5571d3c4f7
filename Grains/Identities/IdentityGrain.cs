using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Identification;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Identities;

/// <summary>
/// One person in one gallery. Its record lives in the shard's log, where metadata and templates change in one transaction; the
/// grain serialises the changes, finds the shard and looks for conflicts. It holds nothing between calls, so a collected or
/// doubled activation loses nothing: the log decides.
/// </summary>
public sealed class IdentityGrain(GalleryRoutes routes, CropFitter fitter, TimeProvider time) : Grain, IIdentityGrain, IIdentityCopyGrain
{
    private const double DefaultVerificationFmr = 1e-3;

    private string _gallery = "";
    private string _identity = "";

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        (_gallery, _identity) = Ids.ParseIdentityKey(this.GetPrimaryKeyString());
        return Task.CompletedTask;
    }

    public Task<EnrolOutcome> EnrolAsync(EnrolCommand command, CancellationToken cancellationToken)
    {
        IdentityRules.CheckId(_identity);
        IdentityRules.Check(command);
        return routes.WithAsync(_gallery, () => routes.PinnedAsync(_gallery, command.Generation), route => EnrolAsync(route, command, cancellationToken));
    }

    private async Task<EnrolOutcome> EnrolAsync(GalleryRoute route, EnrolCommand command, CancellationToken cancellationToken)
    {
        CommandVectors vectors = new(GrainFactory, fitter, route.For(command.Generation)!.View.Model, command);
        EnrolCommand active = await vectors.ForAsync(_gallery, route);
        if (route.Other is { } other)
        {
            // Before anything is written: an embedder that fails fails the enrolment as a whole.
            await vectors.InAsync(other.View, route.View.Other!.Compatible);
            if (route.View.Other.Answers && await KnownToOtherAsync(route, other, command) is { } replayed)
                return replayed;
        }
        (IGalleryShardGrain shard, bool known) = await In(route).LocateAsync(command.OperationId);
        if (command.OnConflict == ConflictPolicy.Report && !known)
        {
            IReadOnlyList<EnrolmentConflict> conflicts = await Conflicts.FindAsync(GrainFactory, route.View, _identity, active.Templates, time, cancellationToken);
            if (conflicts.Count > 0 && !(await shard.ClaimAsync(_identity, command.OperationId)).KnowsOperation)
                return new EnrolOutcome(EnrolStatus.Conflict, _identity, 0, Array.Empty<TemplateId>(), conflicts);
        }
        ShardCommit commit = await CommitNewAsync(shard, active, RetainedCrop.Of(command.Templates, vectors.Model, route.View.Settings.Retention));
        CommitResult result = commit.Result;
        if (result.Status is not (CommitStatus.Applied or CommitStatus.Replayed))
            throw Refused(result.Status);
        await SpreadAsync(route, shard, commit, Change(command.OperationId) with { Fingerprint = Fingerprint.Of(command) }, async (view, compatible) =>
        {
            Embedding?[] there = await vectors.InAsync(view, compatible);
            return there.Zip(result.Templates).Where(p => p.First is not null).ToDictionary(p => p.Second, p => p.First!);
        });
        return new EnrolOutcome(result.Status == CommitStatus.Applied ? EnrolStatus.Enrolled : EnrolStatus.Replayed, _identity, result.Version, result.Templates, Array.Empty<EnrolmentConflict>(),
            Token(shard, result.Lsn));
    }

    public Task<IdentityDescription> GetAsync() => routes.WithAsync(_gallery, () => routes.GetAsync(_gallery), GetAsync);

    private async Task<IdentityDescription> GetAsync(GalleryRoute route)
    {
        StoredIdentity stored = await (await In(route).FindAsync()).GetIdentityAsync(_identity) ?? throw FaceSearchException.NoIdentity(_gallery, _identity);
        return IdentityMapping.Describe(stored, route.View.Generation);
    }

    public Task<IdentityDescription> UpdateMetadataAsync(string operationId, IReadOnlyDictionary<string, string> metadata, long? expectedVersion)
    {
        IdentityRules.CheckOperation(operationId);
        IdentityRules.CheckMetadata(metadata);
        IdentityChange change = Change(operationId) with { Metadata = metadata, ExpectedVersion = expectedVersion, Fingerprint = Fingerprint.Of("metadata", metadata) };
        return routes.WithAsync(_gallery, () => routes.GetAsync(_gallery), route => UpdateAsync(route, change));
    }

    private async Task<IdentityDescription> UpdateAsync(GalleryRoute route, IdentityChange change)
    {
        (IGalleryShardGrain shard, _) = await In(route).LocateAsync(change.OperationId);
        ShardCommit commit = await shard.CommitAsync(change);
        if (commit.Result.Status is not (CommitStatus.Applied or CommitStatus.Replayed))
            throw Refused(commit.Result.Status);
        await SpreadAsync(route, shard, commit, change, NoVectors);
        return await GetAsync(route) with { ConsistencyToken = Token(shard, commit.Result.Lsn) };
    }

    public Task<ErasureReceipt> RemoveTemplateAsync(string operationId, TemplateId template) =>
        EraseAsync(Change(operationId) with { Remove = new[] { template }, Fingerprint = Fingerprint.Of("remove", template: template) }, template);

    public Task<ErasureReceipt> EraseAsync(string operationId) =>
        EraseAsync(Change(operationId) with { Erase = true, Fingerprint = Fingerprint.Of("erase") }, null);

    public Task<VerifyOutcome> VerifyAsync(Embedding probe, int generation, double? fmr, IReadOnlyList<ConsistencyToken>? after)
    {
        if (fmr is { } asked && !(asked is > 0 and < 0.5))
            throw FaceSearchException.Invalid($"fmr must be above 0 and below 0.5; got {asked}.");
        return routes.WithAsync(_gallery, () => routes.PinnedAsync(_gallery, generation), route => VerifyAsync(route.For(generation)!, probe, fmr, after));
    }

    private async Task<VerifyOutcome> VerifyAsync(GalleryRoute route, Embedding probe, double? fmr, IReadOnlyList<ConsistencyToken>? after)
    {
        IGalleryShardGrain shard = await In(route).FindAsync();
        IdentityScore? score = await shard.ScoreAsync(_identity, probe, ReadPlan.MinLsn(after, ShardId.Parse(shard.GetPrimaryKeyString())));
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

    private async Task<ShardCommit> CommitNewAsync(IGalleryShardGrain shard, EnrolCommand command, ImageToRetain[] images)
    {
        DateTimeOffset now = time.GetUtcNow();
        IdentityChange change = Change(command.OperationId) with { Metadata = command.Metadata, Fingerprint = Fingerprint.Of(command) };
        while (true)
        {
            TemplateRecord[] records = new TemplateRecord[command.Templates.Count];
            for (int i = 0; i < records.Length; i++)
                records[i] = new TemplateRecord(TemplateId.New(time), command.Templates[i].Embedding, command.Templates[i].Quality, now);
            ShardCommit commit = await shard.CommitAsync(change with { Add = records }, images);
            if (commit.Result.Status != CommitStatus.TemplateIdTaken)
                return commit;
        }
    }

    private Task<ErasureReceipt> EraseAsync(IdentityChange change, TemplateId? template)
    {
        IdentityRules.CheckOperation(change.OperationId);
        return routes.WithAsync(_gallery, () => routes.GetAsync(_gallery), route => EraseAsync(route, change, template));
    }

    private async Task<ErasureReceipt> EraseAsync(GalleryRoute route, IdentityChange change, TemplateId? template)
    {
        (IGalleryShardGrain shard, _) = await In(route).LocateAsync(change.OperationId);
        if (route.Other is not null)
        {
            // Invisible first where answers come from, then gone elsewhere, and complete (and told) only after that.
            ShardCommit commit = await shard.CommitAsync(change);
            if (commit.Result.Status is CommitStatus.Applied or CommitStatus.Replayed)
                await SpreadAsync(route, shard, commit, change, NoVectors);
        }
        ShardErasure erasure = await shard.EraseAsync(change);
        if (erasure.Status == CommitStatus.NotFound && template is { } missing)
        {
            _ = await shard.GetIdentityAsync(_identity) ?? throw FaceSearchException.NoIdentity(_gallery, _identity);
            throw new FaceSearchException(ProblemTypes.TemplateNotFound, 404, $"Identity '{_identity}' has no template {missing}.");
        }
        if (erasure.Status is not (CommitStatus.Applied or CommitStatus.Replayed))
            throw Refused(erasure.Status);
        if (erasure.ViewVersion > route.View.Version)
            await SpreadAsync(route, shard, new ShardCommit(new CommitResult(erasure.Status, 0, 0, [], null), erasure.ViewVersion), change, NoVectors);
        return new ErasureReceipt(_identity, erasure.Templates, erasure.SnapshotsRewritten, erasure.At, Token(shard, erasure.Lsn));
    }

    public async Task<int> CopyAsync(int to, long viewVersion, IReadOnlyDictionary<TemplateId, Embedding> vectors)
    {
        GalleryRoute route = await routes.WaitForAsync(_gallery, viewVersion);
        if (route.Other?.View.Generation != to)
            return 0;
        string operation = $"copy-{Guid.NewGuid():n}";
        StoredIdentity? source = await (await In(route).FindAsync()).GetIdentityAsync(_identity);
        if (source is null)
        {
            await GenerationCopy.EraseAsync(In(route.Other), _identity, operation, 0, time.GetUtcNow());
            return 0;
        }
        return await GenerationCopy.ApplyAsync(In(route.Other), source, vectors, operation, 0);
    }

    /// <summary>
    /// Carries a change that one generation has committed to the gallery's other ones, as they are after the commit: a generation that
    /// was begun meanwhile is not missed, and one that was taken out of use meanwhile is no failure.
    /// </summary>
    private async Task SpreadAsync(
        GalleryRoute route, IGalleryShardGrain source, ShardCommit commit, IdentityChange change, Func<GalleryView, bool, Task<Dictionary<TemplateId, Embedding>>> vectors)
    {
        int written = route.View.Generation;
        if (commit.ViewVersion > route.View.Version)
            route = await routes.WaitForAsync(_gallery, commit.ViewVersion);
        if (route.View.Other is not { } other)
            return;
        GalleryRoute target = route.View.Generation == written ? route.Other! : route;
        try
        {
            StoredIdentity? identity = commit.Result.Current ?? await source.GetIdentityAsync(_identity);
            if (identity is null)
                await GenerationCopy.EraseAsync(In(target), _identity, change.OperationId, change.Fingerprint, change.At);
            else
                await GenerationCopy.ApplyAsync(In(target), identity, await vectors(target.View, other.Compatible), change.OperationId, change.Fingerprint);
        }
        catch (FaceSearchException)
        {
            routes.Forget(_gallery);
            GalleryView now = (await routes.GetAsync(_gallery)).View;
            if (now.Of(target.View.Generation) is not null)
                throw;
        }
    }

    /// <summary>
    /// An operation that was applied before the generation that answers now was begun is known to the other one only. What that knows
    /// of it is the answer, so that a late retry does not enrol twice.
    /// </summary>
    private async Task<EnrolOutcome?> KnownToOtherAsync(GalleryRoute active, GalleryRoute other, EnrolCommand command)
    {
        (IGalleryShardGrain shard, ShardClaim claim) = await In(other).ClaimAsync(command.OperationId);
        if (!claim.KnowsOperation || (await In(active).ClaimAsync(command.OperationId)).Claim.KnowsOperation)
            return null;
        // Known there, so it is answered and not applied.
        CommitResult result = (await shard.CommitAsync(Change(command.OperationId) with { Metadata = NoMetadata.Instance, Fingerprint = Fingerprint.Of(command) })).Result;
        return result.Status == CommitStatus.Replayed
            ? new EnrolOutcome(EnrolStatus.Replayed, _identity, result.Version, result.Templates, Array.Empty<EnrolmentConflict>(), Token(shard, result.Lsn))
            : throw Refused(result.Status);
    }

    private static Task<Dictionary<TemplateId, Embedding>> NoVectors(GalleryView view, bool compatible) => Task.FromResult(new Dictionary<TemplateId, Embedding>());

    private static string Token(IGalleryShardGrain shard, long lsn) => new ConsistencyToken(ShardId.Parse(shard.GetPrimaryKeyString()), lsn).ToString();

    private IdentityShards In(GalleryRoute route) => new(GrainFactory, route.View, _identity);

    private FaceSearchException Refused(CommitStatus status) => status switch
    {
        CommitStatus.OperationReused => new(ProblemTypes.OperationReused, 409, "This operation id was used before for something else. Use a new id for a new request."),
        CommitStatus.Superseded => new(ProblemTypes.OperationSuperseded, 409, "This operation was applied before, and the identity has been erased since. Use a new operation id to enrol it again."),
        CommitStatus.VersionConflict => new(ProblemTypes.VersionConflict, 409, $"Identity '{_identity}' has changed since that version. Read it and try again."),
        CommitStatus.NotFound => FaceSearchException.NoIdentity(_gallery, _identity),
        _ => new(ProblemTypes.Internal, 500, "The change was refused for an unforeseen reason."),
    };
}

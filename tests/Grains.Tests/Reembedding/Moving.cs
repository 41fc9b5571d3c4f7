using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Identities;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Tests.Cluster;

namespace FaceSearch.Grains.Tests.Reembedding;

/// <summary>A gallery that is being moved, as the tests see it.</summary>
internal sealed class Moving(TestSilo silo, string gallery)
{
    public string Gallery => gallery;

    public IReembeddingGrain Grain => silo.Grains.GetGrain<IReembeddingGrain>(gallery);

    public async Task CreateAsync(int people, Retention retention = Retention.Crop, string model = TestModels.First, int shards = 2, GallerySettings? settings = null)
    {
        await TestModels.RegisterAsync(silo.Grains);
        await silo.Gallery(gallery).CreateAsync((settings ?? new GallerySettings()) with { Model = model, Retention = retention, Shards = shards });
        await Task.WhenAll(Enumerable.Range(0, people).Select(person => EnrolAsync(person)));
    }

    public async Task<EnrolOutcome> EnrolAsync(int person, int sample = 0, string? operation = null, bool withCrop = true, int? generation = null, string? model = null)
    {
        GalleryModel pin = await silo.Gallery(gallery).GetModelAsync();
        NewTemplate template = TestModels.Template(model ?? pin.Model, person, sample);
        return await Identity(person).EnrolAsync(new EnrolCommand(operation ?? $"enrol-{person}-{sample}", generation ?? pin.Generation,
            [withCrop ? template : template with { Crop = null }], new Dictionary<string, string> { ["site"] = $"s{person % 3}" }, ConflictPolicy.Allow,
            ContentHash: (ulong)((person * 1000) + sample)));
    }

    public Task<IdentifyOutcome> IdentifyAsync(int person, string model, int generation, int sample = 99) => silo.Grains.GetGrain<IIdentifyGrain>(gallery).IdentifyAsync(
        new IdentifyQuery(gallery, generation, TestModels.Vector(model, person, sample), 3, null, null, null, DateTimeOffset.UtcNow.AddSeconds(20), false));

    public IIdentityGrain Identity(int person) => silo.Grains.GetGrain<IIdentityGrain>(Ids.IdentityKey(gallery, Faces.Name(person)));

    public async Task<ReembeddingStatus> UntilAsync(ReembeddingPhase phase)
    {
        ReembeddingStatus? status = null;
        await Until.TrueAsync(async () => (status = await Grain.GetAsync())?.Phase == phase || status?.Phase >= ReembeddingPhase.Done, () => $"{status}");
        status!.Phase.ShouldBe(phase, status.Reason);
        return status;
    }

    public async Task<ReembeddingStatus> MoveAsync(string to = TestModels.Second, double? maxMissing = null)
    {
        await Grain.StartAsync(new ReembeddingRequest(to, maxMissing));
        return await UntilAsync(ReembeddingPhase.Active);
    }

    public async Task<GalleryView> ViewAsync() => (await silo.Grains.GetGrain<IGalleryRoutingGrain>(gallery).GetViewAsync())!;

    /// <summary>Who is in a generation, with template ids, version and vectors, as its shards say.</summary>
    public async Task<SortedDictionary<string, (long Version, string Templates, string Site)>> ContentAsync(int generation)
    {
        GalleryView view = (await ViewAsync()).Of(generation)!;
        SortedDictionary<string, (long, string, string)> content = new(StringComparer.Ordinal);
        for (int n = 0; n < view.Map.ShardCount; n++)
        {
            foreach (Storage.StoredIdentity i in await silo.Grains.GetGrain<IGalleryShardGrain>(view.Shard(n).ToString()).ListIdentitiesAsync(null, 1000))
                content.Add(i.Id, (i.Version, string.Join(' ', i.Templates.Select(t => t.Id.ToString()).Order()), i.Metadata.GetValueOrDefault("site") ?? ""));
        }
        return content;
    }

    public async Task BothAreTheSameAsync()
    {
        GalleryView view = await ViewAsync();
        var active = await ContentAsync(view.Generation);
        var other = await ContentAsync(view.Other!.Generation);
        other.ShouldBe(active);
    }

    public Task CopyAsync(int person, int to) => silo.Grains.GetGrain<IIdentityCopyGrain>(Ids.IdentityKey(gallery, Faces.Name(person)))
        .CopyAsync(to, 0, new Dictionary<TemplateId, Embedding>());
}

using FaceSearch.Grains.Replicas;
using FaceSearch.Grains.Shards;
using FaceSearch.Grains.Tests.Shards;
using FaceSearch.Storage;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Grains.Tests.Replicas;

/// <summary>One replica beside a real shard, on real storage, without grains.</summary>
public sealed class ShardReplicaTests : IAsyncDisposable
{
    private readonly ShardFixture _fixture = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private ReplicaParts Parts => new(new SqliteTemplateLogProvider(new DataFolder(_fixture.Folder.Root), TimeProvider.System), _fixture.Snapshots, new ShardOptions());

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Wherever_it_catches_up_it_holds_exactly_what_the_shard_holds(int seed)
    {
        const int Changes = 400, People = 25;
        Random random = new(seed);
        Dictionary<int, List<TemplateId>> people = [];
        Shard shard = await _fixture.OpenAsync();
        ShardReplica replica = await OpenAsync();
        int compared = 0;
        for (int step = 0; step < Changes; step++)
        {
            await ChangeAsync(shard, people, random.Next(People), step, random);
            switch (random.Next(24))
            {
                case 0:
                    await shard.Maintenance.SnapshotAsync();
                    break;
                case 1:
                    await shard.DisposeAsync();
                    shard = await _fixture.OpenAsync();
                    break;
                case 2:
                    await replica.DisposeAsync();
                    replica = await OpenAsync();
                    break;
                case < 7:
                    (await replica.CatchUpAsync(Stop)).ShouldBeTrue();
                    Compare(replica, shard, people);
                    compared++;
                    break;
            }
        }
        compared.ShouldBeGreaterThan(20);
        await replica.DisposeAsync();
        await shard.DisposeAsync();
    }

    [Fact]
    public async Task Another_log_of_the_same_name_is_not_taken_for_the_one_it_followed()
    {
        SqliteTemplateLogProvider logs = new(new DataFolder(_fixture.Folder.Root), TimeProvider.System);
        await using ShardReplica replica = await MadeAsync(10);
        await logs.DeleteGalleryAsync("people", Stop);
        (await replica.CatchUpAsync(Stop)).ShouldBeFalse();
        Shard shard = await _fixture.OpenAsync();
        for (int person = 100; person < 110; person++)
            await shard.CommitAsync(Faces.Enrolment(person));
        shard.Log.Head.Lsn.ShouldBe(replica.Lsn);
        await Should.ThrowAsync<LogDamagedException>(() => replica.CatchUpAsync(Stop));
        await shard.DisposeAsync();

        async Task<ShardReplica> MadeAsync(int people)
        {
            await using Shard first = await _fixture.OpenAsync();
            for (int person = 0; person < people; person++)
                await first.CommitAsync(Faces.Enrolment(person));
            return await OpenAsync();
        }
    }

    [Fact]
    public async Task It_takes_no_epoch_and_holds_up_neither_commits_nor_scrubs()
    {
        await using Shard shard = await _fixture.OpenAsync();
        await shard.CommitAsync(Faces.Enrolment(1));
        await using ShardReplica replica = await OpenAsync();
        for (int person = 2; person < 30; person++)
        {
            await shard.CommitAsync(Faces.Enrolment(person));
            (await shard.EraseAsync(Faces.Erasure(person))).Status.ShouldBe(CommitStatus.Applied);
            await replica.CatchUpAsync(Stop);
        }
        (shard.Log.Epoch, await shard.Log.IsCurrentAsync(Stop)).ShouldBe((1, true));
        (replica.Lsn, replica.Identities).ShouldBe((shard.Log.Head.Lsn, 1));
    }

    [Fact]
    public async Task Many_that_catch_up_at_once_bring_nobody_back()
    {
        await using Shard shard = await _fixture.OpenAsync();
        await using ShardReplica replica = await OpenAsync();
        using CancellationTokenSource stop = new();
        Task[] others = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
                await replica.CatchUpAsync(Stop);
        }))];
        for (int person = 0; person < 150; person++)
        {
            await shard.CommitAsync(Faces.Enrolment(person));
            await replica.CatchUpAsync(Stop);
            replica.Directory.TryGet(Faces.Name(person), out _).ShouldBeTrue();
            await shard.CommitAsync(Faces.Erasure(person));
            await replica.CatchUpAsync(Stop);
            replica.Directory.Entries.ShouldBeEmpty();
        }
        await stop.CancelAsync();
        await Task.WhenAll(others);
        replica.Head.ShouldBe(shard.Log.Head);
    }

    private async Task<ShardReplica> OpenAsync() => (await ShardReplica.OpenAsync(Parts, _fixture.Id, Stop)).ShouldNotBeNull();

    private static async Task ChangeAsync(Shard shard, Dictionary<int, List<TemplateId>> people, int person, int step, Random random)
    {
        if (!people.TryGetValue(person, out List<TemplateId>? templates) || random.Next(3) == 0)
        {
            IdentityChange enrolment = Faces.Enrolment(person, $"operation-{step}", step, new() { ["step"] = $"{step}" });
            (await shard.CommitAsync(enrolment)).Status.ShouldBe(CommitStatus.Applied);
            people[person] = [.. templates ?? [], enrolment.Add[0].Id];
            return;
        }
        bool erase = templates.Count == 0 || random.Next(2) == 0;
        IdentityChange change = new() { OperationId = $"operation-{step}", Identity = Faces.Name(person), Erase = erase, Remove = erase ? [] : new[] { templates[0] }, At = DateTimeOffset.UtcNow };
        // Some are completed (scrubbed, snapshots replaced), as the API does, and some are not yet.
        if (random.Next(4) == 0)
            (await shard.EraseAsync(change)).Status.ShouldBe(CommitStatus.Applied);
        else
            (await shard.CommitAsync(change)).Status.ShouldBe(CommitStatus.Applied);
        if (erase)
            people.Remove(person);
        else
            templates.RemoveAt(0);
    }

    private static void Compare(ShardReplica replica, Shard shard, Dictionary<int, List<TemplateId>> people)
    {
        replica.Head.ShouldBe(shard.Log.Head);
        replica.Directory.Entries.Select(e => e.Id).Order(StringComparer.Ordinal).ShouldBe(people.Keys.Select(Faces.Name).Order(StringComparer.Ordinal));
        foreach ((int person, List<TemplateId> templates) in people)
        {
            replica.Directory.TryGet(Faces.Name(person), out IdentityEntry? there).ShouldBeTrue();
            shard.Directory.TryGet(Faces.Name(person), out IdentityEntry? original).ShouldBeTrue();
            there.State.Templates.Order().ShouldBe(templates.Select(t => t.Value).Order());
            (there.State.Version, there.State.Metadata["step"]).ShouldBe((original.State.Version, original.State.Metadata["step"]));
            ShardFinding found = replica.Search(new ShardQuery(Faces.Of(person, 9999), 1, null, DateTimeOffset.MaxValue)).Finding;
            ShardFinding wanted = shard.Search(new ShardQuery(Faces.Of(person, 9999), 1, null, DateTimeOffset.MaxValue)).Finding;
            found.Candidates.Select(c => (c.Identity, c.BestTemplate, c.Score)).ShouldBe(wanted.Candidates.Select(c => (c.Identity, c.BestTemplate, c.Score)));
        }
    }
}

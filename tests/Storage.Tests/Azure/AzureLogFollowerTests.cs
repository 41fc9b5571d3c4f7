using System.Collections.Concurrent;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Tests.Servers;

namespace FaceSearch.Storage.Tests.Azure;

/// <summary>Following a log in blobs: through segments that come and go, with little traffic, and with faults on the way.</summary>
public sealed class AzureLogFollowerTests : IAsyncLifetime
{
    private static readonly ShardId Shard = new("people", 1, 0);
    private AzureStore _store = null!;

    public async ValueTask InitializeAsync() => _store = await AzureStore.CreateAsync();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Through_segments_scrubs_and_openings_it_sees_exactly_what_the_log_holds(int seed)
    {
        Make make = new(seed);
        AzureStorageOptions options = _store.Options(blocksPerSegment: 5, templatesPerPart: 10);
        ITemplateLog log = await _store.Connect(options).OpenAsync(Shard);
        await using ILogFollower follower = _store.Connect(options).Follow(Shard);
        Replica replica = new(), whole = new();
        List<string> people = [];
        for (int step = 0; step < 250; step++)
        {
            switch (make.Random.Next(12))
            {
                case 0:
                    await log.ScrubAsync();
                    break;
                case 1:
                    await log.ClearOutboxAsync(make.Random.NextInt64(log.Head.Lsn + 1));
                    break;
                case 2:
                    await log.DisposeAsync();
                    log = await _store.Connect(options).OpenAsync(Shard);
                    break;
                case 3 or 4:
                    (await follower.PeekAsync()).ShouldBe(log.Head);
                    await replica.FollowAsync(follower);
                    replica.At.ShouldBe(log.Head);
                    break;
                case 5 or 6 when people.Count > 0:
                    int gone = make.Random.Next(people.Count);
                    (await log.CommitAsync(make.Erase(people[gone]))).Status.ShouldBe(CommitStatus.Applied);
                    people.RemoveAt(gone);
                    break;
                default:
                    people.Add($"p{step}");
                    (await log.CommitAsync(make.Enrol($"p{step}", 1 + make.Random.Next(3)))).Status.ShouldBe(CommitStatus.Applied);
                    break;
            }
        }
        await replica.FollowAsync(follower);
        await whole.FollowAsync(log);
        replica.ShouldEqual(whole);
        await log.DisposeAsync();
    }

    [Fact]
    public async Task It_reads_only_what_is_new_also_when_a_scrub_has_replaced_all_blobs()
    {
        ConcurrentQueue<string> read = [];
        await using FaultProxy proxy = await FaultProxy.StartAsync(_store.Server.BlobPort, request =>
        {
            string path = request.Path.ToString();
            if (request.Method == "GET" && path.Split('/')[^1] is var name && name.Contains('-', StringComparison.Ordinal) && path.Contains("/s0/", StringComparison.Ordinal))
                read.Enqueue($"{name.Split('-')[1]} {request.Headers["x-ms-range"]}");
            return Fault.None;
        });
        Make make = new(4);
        await using ITemplateLog log = await _store.Connect().OpenAsync(Shard);
        await using ILogFollower follower = _store.Connect(_store.Options(Azurite.ConnectionStringThrough(proxy.Port, _store.Server.TablePort))).Follow(Shard);
        for (int i = 0; i < 20; i++)
            await log.CommitAsync(make.Enrol($"p{i}"));
        await PeekAsync();
        read.ShouldHaveSingleItem().ShouldStartWith("groups bytes=0-");

        await PeekAsync();
        read.ShouldBeEmpty("nothing is new");

        await log.CommitAsync(make.Enrol("late"));
        await PeekAsync();
        read.ShouldHaveSingleItem().ShouldNotContain("bytes=0-");

        await log.CommitAsync(make.Erase("p3"));
        await PeekAsync();
        await log.ScrubAsync();
        await PeekAsync();
        read.ShouldBeEmpty("it has seen the end of the segment that is gone");

        await log.CommitAsync(make.Erase("p4"));
        await log.ScrubAsync();
        await PeekAsync();
        read.Select(r => r.Split(' ')[0]).ShouldBe(["rows", "templates"], "the segment with the end that it has not seen is gone");

        async Task PeekAsync()
        {
            read.Clear();
            (await follower.PeekAsync()).ShouldBe(log.Head);
        }
    }

    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    public async Task With_faults_on_the_way_it_says_that_it_cannot_read_or_sees_all_that_was_acknowledged(int seed)
    {
        Make make = new(seed);
        Random random = new(seed);
        Fault[] faults = [Fault.Error500, Fault.Busy503, Fault.DroppedBefore, Fault.DroppedAfter, Fault.TimeoutAfter];
        await using FaultProxy proxy = await FaultProxy.StartAsync(_store.Server.BlobPort, _ =>
        {
            lock (random)
                return random.Next(3) == 0 ? faults[random.Next(faults.Length)] : Fault.None;
        });
        AzureStorageOptions calm = _store.Options(blocksPerSegment: 10);
        AzureStorageOptions rough = _store.Options(Azurite.ConnectionStringThrough(proxy.Port, _store.Server.TablePort), networkTimeout: TimeSpan.FromMilliseconds(300), patience: TimeSpan.FromMilliseconds(500));
        await using ITemplateLog log = await _store.Connect(calm).OpenAsync(Shard);
        await using ILogFollower follower = _store.Connect(rough).Follow(Shard);
        Replica replica = new(), whole = new();
        int seen = 0;
        for (int step = 0; step < 60; step++)
        {
            await log.CommitAsync(make.Enrol($"p{step}", 2));
            if (step % 10 == 9)
            {
                await log.CommitAsync(make.Erase($"p{step - 5}"));
                await log.ScrubAsync();
            }
            try
            {
                await replica.FollowAsync(follower);
                replica.At.ShouldBe(log.Head);
                seen++;
            }
            catch (StorageUnavailableException)
            {
                // The next look goes on, or begins anew.
            }
        }
        seen.ShouldBeGreaterThan(10);
        proxy.Done.Count(f => f.Key != Fault.None).ShouldBe(faults.Length);
        await whole.FollowAsync(log);
        while (replica.At != log.Head)
        {
            try
            {
                await replica.FollowAsync(follower);
            }
            catch (StorageUnavailableException)
            {
            }
        }
        replica.ShouldEqual(whole);
    }

    [Fact]
    public async Task Damage_is_named_and_when_it_is_disposed_its_files_are_gone()
    {
        Make make = new(6);
        AzureStorageOptions options = _store.Options();
        await using ITemplateLog log = await _store.Connect(options).OpenAsync(Shard);
        await log.CommitAsync(make.Enrol("ada"));
        ILogFollower follower = _store.Connect(options).Follow(Shard);
        (await follower.PeekAsync()).ShouldBe(log.Head);
        Directory.EnumerateFiles(options.CacheFolder, "log.db", SearchOption.AllDirectories).Count().ShouldBe(2);
        await follower.DisposeAsync();
        Directory.EnumerateFiles(options.CacheFolder, "log.db", SearchOption.AllDirectories).ShouldHaveSingleItem();
        await Should.ThrowAsync<ObjectDisposedException>(async () => await follower.PeekAsync());

        await using ILogFollower another = _store.Connect(options).Follow(Shard);
        await foreach (var blob in _store.Blobs.GetBlobContainerClient(options.LogContainer).GetBlobsAsync(cancellationToken: TestContext.Current.CancellationToken))
        {
            if (blob.Name.Contains("-groups-", StringComparison.Ordinal))
                await _store.Blobs.GetBlobContainerClient(options.LogContainer).DeleteBlobAsync(blob.Name, cancellationToken: TestContext.Current.CancellationToken);
        }
        (await Should.ThrowAsync<LogDamagedException>(async () => await another.PeekAsync())).Message.ShouldContain("missing");
        Directory.EnumerateFiles(options.CacheFolder, "log.db", SearchOption.AllDirectories).ShouldHaveSingleItem("what it had begun is gone");
    }
}

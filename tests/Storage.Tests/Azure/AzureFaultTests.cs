using System.Globalization;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Tests.Servers;
using Microsoft.AspNetCore.Http;

namespace FaceSearch.Storage.Tests.Azure;

/// <summary>
/// Operations through <see cref="FaultProxy"/> with an exact model beside them. FACESEARCH_AZURE_FAULT_OPERATIONS=5000 is the long
/// mode; the default is a few hundred.
/// </summary>
public sealed class AzureFaultTests : IAsyncLifetime
{
    private const int DefaultOperations = 300, BlocksPerSegment = 25, Writers = 4;
    private static readonly TimeSpan NetworkTimeout = TimeSpan.FromMilliseconds(400);
    private static readonly ShardId Shard = new("people", 1, 0);
    private AzureStore _store = null!;

    public async ValueTask InitializeAsync() => _store = await AzureStore.CreateAsync();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public async Task Whatever_the_network_does_nothing_is_lost_nothing_doubled_and_a_second_opener_fences_the_first(int seed)
    {
        int operations = int.Parse(Environment.GetEnvironmentVariable("FACESEARCH_AZURE_FAULT_OPERATIONS") ?? DefaultOperations.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        Plan plan = new(seed);
        await using FaultProxy proxy = await FaultProxy.StartAsync(_store.Server.BlobPort, plan.Next);
        AzureStorageOptions options = _store.Options(Azurite.ConnectionStringThrough(proxy.Port, _store.Server.TablePort), BlocksPerSegment, NetworkTimeout, TimeSpan.FromSeconds(20));
        AzureTemplateLogProvider provider = _store.Connect(options);
        Make make = new(seed);
        LogModel model = new();
        Runs runs = new(() => OpenAsync(provider), await OpenAsync(provider));
        List<IdentityChange> history = [];
        for (int done = 0; done < operations; done += Writers)
        {
            if (done == operations / 2 / Writers * Writers)
                await FencesAsync(runs, make);
            // Changes of different identities go together, so that a group holds several; the model takes them in the log's order.
            IdentityChange[] changes = [.. Enumerable.Range(0, Writers).Select(w => Next(make, model, $"p{w}-{make.Random.Next(8)}"))];
            CommitResult[] results = await Task.WhenAll(changes.Select(runs.CommitAsync));
            foreach ((IdentityChange change, CommitResult result) in changes.Zip(results).OrderBy(r => r.Second.Lsn))
                Agree(model, change, result, $"seed {seed}, operation {done}");
            history.AddRange(changes);
            if (make.Random.Next(25) == 0)
                await runs.ScrubAsync();
        }
        (_, ITemplateLog last) = runs.Present;
        (last.Head.Identities, last.Head.Templates).ShouldBe((model.Identities.Count, model.Identities.Sum(i => i.Value.Templates.Count)));
        (await runs.RetryAsync(l => l.VerifyAsync().AsTask())).ShouldBe(last.Head);
        foreach (Fault fault in Enum.GetValues<Fault>())
            proxy.Done.ShouldContainKey(fault, $"seed {seed} never did {fault}");
        await runs.Present.Log.DisposeAsync();
        await proxy.SettleAsync();

        await using ITemplateLog calm = await _store.Connect(_store.Options()).OpenAsync(Shard);
        Replica replica = new();
        await replica.FollowAsync(calm);
        replica.ShouldEqual(model);
        foreach (IdentityChange change in history)
        {
            CommitResult expected = model.Apply(change, 0), again = await calm.CommitAsync(change);
            (again.Status, again.Version, again.Lsn).ShouldBe((expected.Status, expected.Version, expected.Lsn));
        }
        (await calm.ReadOutboxAsync(10_000)).Select(e => (e.Lsn, e.Kind, e.Identity)).ShouldBe(model.Outbox.OrderBy(e => e.Lsn).Select(e => (e.Lsn, e.Kind, e.Identity)));
        (await calm.VerifyAsync()).ShouldBe(calm.Head);
    }

    [Theory]
    [InlineData(Fault.Error500After)]
    [InlineData(Fault.DroppedAfter)]
    [InlineData(Fault.TimeoutAfter)]
    [InlineData(Fault.LateAfterDrop)]
    [InlineData(Fault.PreconditionFailed412)]
    [InlineData(Fault.Conflict409)]
    [InlineData(Fault.Busy503)]
    [InlineData(Fault.DroppedBefore)]
    [InlineData(Fault.Error500)]
    internal async Task An_append_whose_outcome_is_unknown_is_looked_up_and_written_once(Fault fault)
    {
        bool armed = false;
        int appends = 0;
        await using FaultProxy proxy = await FaultProxy.StartAsync(_store.Server.BlobPort, request =>
        {
            if (!IsAppend(request) || !armed)
                return Fault.None;
            return Interlocked.Increment(ref appends) == 1 ? fault : Fault.None;
        });
        AzureStorageOptions options = _store.Options(Azurite.ConnectionStringThrough(proxy.Port, _store.Server.TablePort), networkTimeout: NetworkTimeout);
        await using ITemplateLog log = await _store.Connect(options).OpenAsync(Shard);
        Make make = new(5);
        await log.CommitAsync(make.Enrol("ada"));
        armed = true;
        (await log.CommitAsync(make.Enrol("grace"))).Status.ShouldBe(CommitStatus.Applied);
        (await log.CommitAsync(make.Enrol("lin"))).Status.ShouldBe(CommitStatus.Applied);
        await proxy.SettleAsync();
        (log.Head.Identities, log.Head.Templates).ShouldBe((3, 3));
        bool reached = fault is Fault.Error500After or Fault.DroppedAfter or Fault.TimeoutAfter;
        if (fault != Fault.LateAfterDrop) // There either attempt may have come first.
            appends.ShouldBe(reached ? 2 : 3, "an append that is in the blob must not be sent again, one that is not must be");
        (await log.VerifyAsync()).ShouldBe(log.Head);
    }

    [Fact]
    public async Task An_append_that_cannot_be_resolved_poisons_the_log_and_opening_it_again_tells()
    {
        bool dead = false;
        await using FaultProxy proxy = await FaultProxy.StartAsync(_store.Server.BlobPort, request => !dead ? Fault.None : IsAppend(request) ? Fault.DroppedAfter : Fault.DroppedBefore);
        AzureStorageOptions options = _store.Options(Azurite.ConnectionStringThrough(proxy.Port, _store.Server.TablePort), networkTimeout: NetworkTimeout, patience: TimeSpan.FromMilliseconds(500));
        await using ITemplateLog log = await _store.Connect(options).OpenAsync(Shard);
        Make make = new(6);
        IdentityChange change = make.Enrol("ada");
        dead = true;
        Exception poisoned = await Should.ThrowAsync<LogPoisonedException>(async () => await log.CommitAsync(change));
        poisoned.ToString().ShouldNotContain("AccountKey");
        await Should.ThrowAsync<LogPoisonedException>(async () => await log.CommitAsync(make.Enrol("grace")));
        dead = false;
        await Should.ThrowAsync<LogPoisonedException>(async () => await log.CommitAsync(make.Enrol("grace")));
        await using ITemplateLog again = await _store.Connect(options).OpenAsync(Shard);
        (await again.CommitAsync(change)).Status.ShouldBe(CommitStatus.Replayed);
        again.Head.Identities.ShouldBe(1);
    }

    internal static bool IsAppend(HttpRequest request) => HttpMethods.IsPut(request.Method) && request.Query["comp"] == "appendblock";

    /// <summary>A second opener in the middle: the first handle writes nothing any more, and the second goes on where it was.</summary>
    private static async Task FencesAsync(Runs runs, Make make)
    {
        (_, ITemplateLog first) = runs.Present;
        LogHead before = first.Head;
        await runs.ReopenAsync(keepOld: true);
        (_, ITemplateLog second) = runs.Present;
        second.Epoch.ShouldBeGreaterThan(first.Epoch);
        StorageException refused = await Should.ThrowAsync<StorageException>(async () => await first.CommitAsync(make.Enrol("fenced")));
        refused.ShouldBeAssignableTo<StorageException>();
        (refused is EpochFencedException or LogPoisonedException).ShouldBeTrue(refused.GetType().Name);
        (await second.GetIdentityAsync("fenced")).ShouldBeNull();
        second.Head.ShouldBe(before);
        await first.DisposeAsync();
    }

    private static void Agree(LogModel model, IdentityChange change, CommitResult actual, string where)
    {
        CommitResult expected = model.Apply(change, actual.Lsn);
        if (actual.Status == CommitStatus.Replayed && expected.Status == CommitStatus.Applied)
        {
            // It had been written before its handle failed; the retry of the same operation told so.
            (actual.Version, actual.Lsn).ShouldBe((expected.Version, expected.Lsn), where);
            actual.Templates.ShouldBe(expected.Templates, where);
            return;
        }
        (actual.Status, actual.Version).ShouldBe((expected.Status, expected.Version), where);
    }

    private static IdentityChange Next(Make make, LogModel model, string name)
    {
        bool exists = model.Identities.ContainsKey(name);
        return make.Random.Next(10) switch
        {
            0 or 1 when exists => make.Erase(name),
            2 when exists && model.Identities[name].Templates is [var first, ..] => make.Enrol(name, 1) with { Remove = [first.Id] },
            3 when exists => make.Enrol(name, 0, null, ("m", $"{make.Random.Next()}")),
            _ => make.Enrol(name, make.Random.Next(1, 4)),
        };
    }

    private static async Task<ITemplateLog> OpenAsync(AzureTemplateLogProvider provider)
    {
        while (true)
        {
            try
            {
                return await provider.OpenAsync(Shard, TestContext.Current.CancellationToken);
            }
            catch (StorageUnavailableException)
            {
                // As a shard's grain does.
            }
        }
    }

    /// <summary>A seeded fault for every third request or so; never more than a few in a row on one blob, or nothing would end.</summary>
    private sealed class Plan(int seed)
    {
        private const int OneIn = 5, MostInARow = 3;
        private static readonly Fault[] Faults = [.. Enum.GetValues<Fault>().Where(f => f != Fault.None)];
        private readonly Random _random = new(seed);
        private int _row;

        public Fault Next(HttpRequest request)
        {
            lock (_random)
            {
                if (_row >= MostInARow || _random.Next(OneIn) != 0)
                {
                    _row = 0;
                    return Fault.None;
                }
                _row++;
                return Faults[_random.Next(Faults.Length)];
            }
        }
    }

    /// <summary>The handle in use; a change whose handle fails is repeated, under the same operation id, on another one.</summary>
    private sealed class Runs(Func<Task<ITemplateLog>> open, ITemplateLog first)
    {
        private readonly SemaphoreSlim _opening = new(1);

        public (int Number, ITemplateLog Log) Present { get; private set; } = (0, first);

        public Task<CommitResult> CommitAsync(IdentityChange change) => RetryAsync(log => log.CommitAsync(change).AsTask());

        public Task<bool> ScrubAsync() => RetryAsync(async log =>
        {
            await log.ScrubAsync();
            return true;
        });

        public async Task<T> RetryAsync<T>(Func<ITemplateLog, Task<T>> run)
        {
            while (true)
            {
                (int number, ITemplateLog log) = Present;
                try
                {
                    return await run(log);
                }
                catch (StorageUnavailableException)
                {
                    // Nothing was written.
                }
                catch (StorageException e) when (e is LogPoisonedException or EpochFencedException)
                {
                    await ReopenAsync(number);
                }
            }
        }

        public async Task ReopenAsync(int? failed = null, bool keepOld = false)
        {
            await _opening.WaitAsync();
            try
            {
                if (failed is { } number && number != Present.Number)
                    return;
                ITemplateLog old = Present.Log;
                Present = (Present.Number + 1, await open());
                if (!keepOld)
                    await old.DisposeAsync();
            }
            finally
            {
                _opening.Release();
            }
        }
    }
}

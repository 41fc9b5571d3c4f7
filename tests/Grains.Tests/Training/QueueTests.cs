using FaceSearch.Grains.Tests.Cluster;
using FaceSearch.Messages;

namespace FaceSearch.Grains.Tests.Training;

/// <summary>Runs and their leases in a real silo, with the clock in the test's hand.</summary>
public sealed class QueueTests : IAsyncLifetime
{
    private static readonly TrainingRequest Plan = new() { Folder = "faces", Promote = false };
    private static readonly TrainingRunProgress Half = new("training", 5, 10, 0.25, TimeSpan.FromSeconds(30));
    private readonly TestSilo _silo = new();

    private ITrainingQueueGrain Queue => _silo.Grains.GetGrain<ITrainingQueueGrain>(ITrainingQueueGrain.Key);

    public ValueTask InitializeAsync() => _silo.InitializeAsync();

    public ValueTask DisposeAsync() => _silo.DisposeAsync();

    [Fact]
    public async Task The_same_operation_makes_one_run_and_the_oldest_is_claimed_first()
    {
        TrainingRun first = await Queue.RequestAsync(Plan, "tester", "op-1");
        (await Queue.RequestAsync(Plan, "tester", "op-1")).Id.ShouldBe(first.Id);
        TrainingRun second = await Queue.RequestAsync(Plan, "tester", "op-2");
        (await Queue.ListAsync(10)).Select(r => r.Id).ShouldBe([second.Id, first.Id]);
        (await Queue.ClaimAsync("a"))!.Run.Id.ShouldBe(first.Id);
        (await Queue.ClaimAsync("b"))!.Run.Id.ShouldBe(second.Id);
        (await Queue.ClaimAsync("c")).ShouldBeNull();
    }

    [Fact]
    public async Task What_happened_while_the_broker_was_down_is_told_once_after_a_restart()
    {
        _silo.Events.Down = true;
        TrainingRun run = await Queue.RequestAsync(Plan, "tester", "op-1");
        await Queue.CancelAsync(run.Id);
        await _silo.RestartAsync();
        _silo.Events.Messages.ShouldBeEmpty();
        _silo.Events.Down = false;
        await Queue.WakeAsync();
        await Queue.WakeAsync();
        _silo.Events.Messages.Count.ShouldBe(2);
        (_silo.Events.Messages[0] as TrainingRequested)!.EventId.ShouldBe($"training-requested/{run.Id}");
        TrainingFinished finished = _silo.Events.Messages[1].ShouldBeOfType<TrainingFinished>();
        (finished.Run, finished.Result, finished.Promoted).ShouldBe((run.Id, "cancelled", false));
    }

    [Fact]
    public async Task Many_workers_at_once_never_get_the_same_run()
    {
        for (int i = 0; i < 10; i++)
            await Queue.RequestAsync(Plan, "tester", $"op-{i}");
        TrainingLease?[] leases = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => Queue.ClaimAsync($"worker-{i}")));
        leases.OfType<TrainingLease>().Select(l => l.Run.Id).Distinct().Count().ShouldBe(10);
        leases.OfType<TrainingLease>().Select(l => l.Token).Distinct().Count().ShouldBe(10);
        leases.Count(l => l is null).ShouldBe(20);
    }

    [Fact]
    public async Task A_silent_workers_run_goes_to_the_next_one_and_the_first_is_fenced_off()
    {
        TrainingRun run = await Queue.RequestAsync(Plan, "tester", "op-1");
        TrainingLease dead = (await Queue.ClaimAsync("dead"))!;
        for (int i = 0; i < 5; i++)
        {
            _silo.Clock.Advance(dead.Length * 0.6);
            (await Queue.HeartbeatAsync(run.Id, dead.Token, Half)).Cancel.ShouldBeFalse();
            (await Queue.ClaimAsync("other")).ShouldBeNull();
        }
        (await Queue.GetAsync(run.Id)).Progress.ShouldBe(Half);
        _silo.Clock.Advance(dead.Length + TimeSpan.FromSeconds(1));
        TrainingLease heir = (await Queue.ClaimAsync("heir"))!;
        (heir.Run.Id, heir.Run.Attempts).ShouldBe((run.Id, 2));
        heir.Token.ShouldBeGreaterThan(dead.Token);

        (await Should.ThrowAsync<FaceSearchException>(() => Queue.HeartbeatAsync(run.Id, dead.Token, Half))).Type.ShouldBe(ProblemTypes.TrainingLeaseLost);
        (await Should.ThrowAsync<FaceSearchException>(() => Queue.CompleteAsync(run.Id, dead.Token, new TrainingEnd("m", "late")))).Message.ShouldContain("last with heir");
        (await Should.ThrowAsync<FaceSearchException>(() => Queue.ReleaseAsync(run.Id, dead.Token, "late"))).Type.ShouldBe(ProblemTypes.TrainingLeaseLost);
        TrainingRun done = await Queue.CompleteAsync(run.Id, heir.Token, new TrainingEnd("m", "Compared."));
        (done.State, done.Model, done.Promoted, done.Outcome).ShouldBe((TrainingRunState.Completed, "m", false, "Compared. It stays a candidate, as was asked."));
        (await Queue.CompleteAsync(run.Id, heir.Token, new TrainingEnd("other", "Again."))).Model.ShouldBe("m");
        (await Queue.ClaimAsync("other")).ShouldBeNull();
    }

    [Fact]
    public async Task After_a_restart_of_the_silo_the_worker_goes_on_and_its_token_still_fences()
    {
        TrainingRun run = await Queue.RequestAsync(Plan, "tester", "op-1");
        TrainingLease lease = (await Queue.ClaimAsync("worker"))!;
        _silo.Clock.Advance(lease.Length * 3);
        await _silo.RestartAsync();
        // The silo was away, not the worker: it gets a whole lease to be heard again.
        (await Queue.ClaimAsync("thief")).ShouldBeNull();
        await Queue.HeartbeatAsync(run.Id, lease.Token, Half);
        (await Should.ThrowAsync<FaceSearchException>(() => Queue.HeartbeatAsync(run.Id, lease.Token - 1, Half))).Type.ShouldBe(ProblemTypes.TrainingLeaseLost);
        _silo.Clock.Advance(lease.Length * 2);
        (await Queue.ClaimAsync("heir"))!.Token.ShouldBeGreaterThan(lease.Token);
    }

    [Fact]
    public async Task A_run_that_kills_its_workers_is_given_up()
    {
        TrainingRun run = await Queue.RequestAsync(Plan, "tester", "op-1");
        for (int i = 0; i < 5; i++)
        {
            TrainingLease lease = (await Queue.ClaimAsync($"worker-{i}")).ShouldNotBeNull();
            if (i == 2)
                (await Queue.ReleaseAsync(run.Id, lease.Token, "the disk was full")).State.ShouldBe(TrainingRunState.Queued);
            _silo.Clock.Advance(lease.Length + TimeSpan.FromSeconds(1));
        }
        (await Queue.ClaimAsync("last")).ShouldBeNull();
        TrainingRun given = await Queue.GetAsync(run.Id);
        given.State.ShouldBe(TrainingRunState.Failed);
        given.Outcome!.ShouldStartWith("Given up after 5 attempts.");
    }

    [Fact]
    public async Task A_cancelled_run_stops_its_worker_at_the_next_heartbeat_and_is_never_claimed_again()
    {
        TrainingRun waiting = await Queue.RequestAsync(Plan, "tester", "op-1");
        (await Queue.CancelAsync(waiting.Id)).State.ShouldBe(TrainingRunState.Cancelled);
        TrainingRun running = await Queue.RequestAsync(Plan, "tester", "op-2");
        TrainingLease lease = (await Queue.ClaimAsync("worker"))!;
        lease.Run.Id.ShouldBe(running.Id);
        await Queue.CancelAsync(running.Id);
        (await Queue.HeartbeatAsync(running.Id, lease.Token, Half)).Cancel.ShouldBeTrue();
        (await Should.ThrowAsync<FaceSearchException>(() => Queue.CompleteAsync(running.Id, lease.Token, new TrainingEnd("m", "done")))).Type.ShouldBe(ProblemTypes.TrainingLeaseLost);
        _silo.Clock.Advance(lease.Length * 2);
        (await Queue.ClaimAsync("other")).ShouldBeNull();
        (await Queue.CancelAsync(running.Id)).State.ShouldBe(TrainingRunState.Cancelled);
    }

    [Fact]
    public async Task A_plan_that_cannot_be_trained_is_refused_before_it_waits()
    {
        await _silo.Gallery("bare").CreateAsync(new GallerySettings());
        (await RefusedAsync(new TrainingRequest { Gallery = "bare" })).ShouldBe(ProblemTypes.RetentionNone);
        (await RefusedAsync(new TrainingRequest { Gallery = "nowhere" })).ShouldBe(ProblemTypes.GalleryNotFound);
        (await RefusedAsync(new TrainingRequest { Family = "nothing" })).ShouldBe(ProblemTypes.ModelNotFound);
        (await RefusedAsync(new TrainingRequest { Folder = "x", BaseModel = "nothing" })).ShouldBe(ProblemTypes.ModelNotFound);
        (await RefusedAsync(new TrainingRequest { Folder = "x", Gallery = "bare" })).ShouldBe(ProblemTypes.InvalidRequest);
        (await RefusedAsync(new TrainingRequest())).ShouldBe(ProblemTypes.InvalidRequest);
        (await RefusedAsync(new TrainingRequest { Folder = "x", Options = new Dictionary<string, string> { ["No Such"] = "1" } })).ShouldBe(ProblemTypes.InvalidRequest);
        (await Queue.ListAsync(10)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Only_the_holder_of_the_lease_gets_its_candidate_promoted()
    {
        IModelRegistryGrain registry = _silo.Grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);
        foreach (string name in (string[])["base", "candidate"])
            await registry.RegisterAsync(new ModelDescription(name, "embedder", name, "none", "a test", ModelStatus.Candidate, DateTimeOffset.UtcNow, null, []));
        TrainingRun run = await Queue.RequestAsync(Plan with { Promote = true }, "tester", "op-1");
        TrainingLease lease = (await Queue.ClaimAsync("worker"))!;
        lease.BaseModel.ShouldBe("base");
        TrainingRun done = await Queue.CompleteAsync(run.Id, lease.Token, new TrainingEnd("candidate", "Trained."));
        (done.State, done.Promoted).ShouldBe((TrainingRunState.Completed, false));
        done.Outcome!.ShouldContain("Not promoted. It was never compared");
        (await registry.GetHistoryAsync("candidate"))[^1].By.ShouldBe(run.Id);
    }

    private async Task<string> RefusedAsync(TrainingRequest plan) =>
        (await Should.ThrowAsync<FaceSearchException>(() => Queue.RequestAsync(plan, "tester", Guid.NewGuid().ToString()))).Type;
}

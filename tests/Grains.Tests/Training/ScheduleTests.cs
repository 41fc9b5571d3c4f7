using FaceSearch.Grains.Tests.Cluster;

namespace FaceSearch.Grains.Tests.Training;

/// <summary>The scheduled path with the clock in the test's hand: at most one run a period, and none lost after a crash.</summary>
public sealed class ScheduleTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2030, 6, 3, 1, 0, 0, TimeSpan.Zero);
    private readonly TestSilo _silo = new();

    private ITrainingScheduleGrain Schedules => _silo.Grains.GetGrain<ITrainingScheduleGrain>(ITrainingScheduleGrain.Key);

    private ITrainingQueueGrain Queue => _silo.Grains.GetGrain<ITrainingQueueGrain>(ITrainingQueueGrain.Key);

    public async ValueTask InitializeAsync()
    {
        await _silo.InitializeAsync();
        _silo.Clock.Set(Start);
        await Reembedding.TestModels.RegisterAsync(_silo.Grains);
    }

    public ValueTask DisposeAsync() => _silo.DisposeAsync();

    [Fact]
    public async Task Each_night_gives_one_run_however_often_it_is_woken()
    {
        (await Schedules.SetAsync(Nightly())).Next.ShouldBe(Start.AddHours(2));
        for (int night = 0; night < 4; night++)
        {
            await WakeAtAsync(Start.AddDays(night).AddHours(1.99));
            (await Queue.ListAsync(100)).Count.ShouldBe(night);
            await WakeAtAsync(Start.AddDays(night).AddHours(2));
            await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Schedules.WakeAsync()));
            await FinishAsync();
        }
        (await Queue.ListAsync(100)).Count.ShouldBe(4);
        ScheduleStatus status = (await Schedules.ListAsync()).ShouldHaveSingleItem();
        status.Recent.Select(e => e.Due).ShouldBe([Start.AddDays(3).AddHours(2), Start.AddDays(2).AddHours(2), Start.AddDays(1).AddHours(2), Start.AddHours(2)]);
        status.Recent.ShouldAllBe(e => e.Run != null && e.Skipped == null);
        status.Next.ShouldBe(Start.AddDays(4).AddHours(2));
    }

    [Fact]
    public async Task A_due_time_that_passed_while_the_silo_was_down_runs_once_after_its_start()
    {
        await Schedules.SetAsync(Nightly());
        await WakeAtAsync(Start.AddHours(2));
        await FinishAsync();
        _silo.Clock.Set(Start.AddDays(3).AddHours(5));
        await _silo.RestartAsync();
        await Schedules.WakeAsync();
        await Schedules.WakeAsync();
        (await Queue.ListAsync(100)).Count.ShouldBe(2);
        ScheduleStatus status = (await Schedules.ListAsync())[0];
        status.Recent[0].Due.ShouldBe(Start.AddDays(1).AddHours(2));
        status.Next.ShouldBe(Start.AddDays(4).AddHours(2));
    }

    [Fact]
    public async Task A_crash_between_the_request_and_the_record_neither_loses_nor_doubles_the_run()
    {
        await Schedules.SetAsync(Nightly());
        // As the crash leaves it: the queue has the run of this due time, the schedule does not know of it.
        TrainingRun orphan = await Queue.RequestAsync(Nightly().Plan, "schedule nightly", $"schedule/nightly/{Start.AddHours(2).UtcDateTime:O}", "nightly");
        _silo.Clock.Set(Start.AddHours(2));
        await _silo.RestartAsync();
        await Schedules.WakeAsync();
        (await Queue.ListAsync(100)).ShouldHaveSingleItem().Id.ShouldBe(orphan.Id);
        (await Schedules.ListAsync())[0].Recent.ShouldHaveSingleItem().Run.ShouldBe(orphan.Id);
    }

    [Fact]
    public async Task While_the_last_run_is_under_way_the_next_is_skipped_with_a_reason()
    {
        await Schedules.SetAsync(Nightly());
        await WakeAtAsync(Start.AddHours(2));
        await WakeAtAsync(Start.AddDays(1).AddHours(2));
        (await Queue.ListAsync(100)).Count.ShouldBe(1);
        ScheduleEntry skipped = (await Schedules.ListAsync())[0].Recent[0];
        skipped.Run.ShouldBeNull();
        skipped.Skipped!.ShouldContain("still under way");
    }

    [Fact]
    public async Task Too_little_new_is_skipped_with_the_count_and_enough_runs()
    {
        await _silo.Gallery("people").CreateAsync(new GallerySettings { Model = Reembedding.TestModels.First, Retention = Retention.Crop });
        for (int person = 0; person < 12; person++)
            await _silo.EnrolAsync("people", person);
        await Schedules.SetAsync(Nightly() with { Name = "people", Plan = new TrainingRequest { Gallery = "people" }, LeastNewIdentities = 10, LeastNewTemplates = 1000 });
        await WakeAtAsync(Start.AddHours(2));
        await FinishAsync();
        (await Queue.ListAsync(100)).Count.ShouldBe(1);
        await _silo.EnrolAsync("people", 50);
        await WakeAtAsync(Start.AddDays(1).AddHours(2));
        (await Schedules.ListAsync())[0].Recent[0].Skipped.ShouldBe("Too little is new: 1 identities and 1 templates since the last run; 10 or 1000 are asked for.");
        for (int person = 100; person < 110; person++)
            await _silo.EnrolAsync("people", person);
        await WakeAtAsync(Start.AddDays(2).AddHours(2));
        (await Queue.ListAsync(100)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_gallery_that_is_gone_is_a_recorded_reason_and_others_still_run()
    {
        await _silo.Gallery("gone").CreateAsync(new GallerySettings { Model = Reembedding.TestModels.First, Retention = Retention.Crop });
        await Schedules.SetAsync(Nightly() with { Name = "gone", Plan = new TrainingRequest { Gallery = "gone" }, LeastNewIdentities = 0 });
        await Schedules.SetAsync(Nightly());
        await _silo.Gallery("gone").DeleteAsync();
        await WakeAtAsync(Start.AddHours(2));
        IReadOnlyList<ScheduleStatus> all = await Schedules.ListAsync();
        all.Single(s => s.Schedule.Name == "gone").Recent[0].Skipped!.ShouldContain("no gallery 'gone'");
        all.Single(s => s.Schedule.Name == "nightly").Recent[0].Run.ShouldNotBeNull();
    }

    [Fact]
    public async Task Local_time_is_followed_through_the_change_of_clocks()
    {
        // Paris, 31 March 2030: 02:30 does not exist; Cronos runs it right after the gap, at 03:00 summer time.
        _silo.Clock.Set(new DateTimeOffset(2030, 3, 30, 12, 0, 0, TimeSpan.Zero));
        ScheduleStatus status = await Schedules.SetAsync(Nightly() with { Cron = "30 2 * * *", TimeZone = "Europe/Paris" });
        status.Next.ShouldBe(new DateTimeOffset(2030, 3, 31, 1, 0, 0, TimeSpan.Zero));
        await WakeAtAsync(status.Next!.Value);
        (await Schedules.ListAsync())[0].Next.ShouldBe(new DateTimeOffset(2030, 4, 1, 0, 30, 0, TimeSpan.Zero));
    }

    [Fact]
    public async Task A_schedule_that_is_switched_off_or_removed_is_never_due_and_nonsense_is_refused()
    {
        (await Schedules.SetAsync(Nightly() with { Enabled = false })).Next.ShouldBeNull();
        await WakeAtAsync(Start.AddDays(2));
        await Schedules.RemoveAsync("nightly");
        await Schedules.RemoveAsync("nightly");
        (await Schedules.ListAsync()).ShouldBeEmpty();
        foreach (TrainingSchedule wrong in (TrainingSchedule[])[Nightly() with { Cron = "at night" }, Nightly() with { Cron = "99 * * * *" }, Nightly() with { TimeZone = "Moon/Base" }, Nightly() with { Name = "a/b" }, Nightly() with { LeastNewIdentities = -1 }])
            (await Should.ThrowAsync<FaceSearchException>(() => Schedules.SetAsync(wrong))).Type.ShouldBe(ProblemTypes.InvalidRequest);
        (await Queue.ListAsync(100)).ShouldBeEmpty();
    }

    private static TrainingSchedule Nightly() => new("nightly", "0 3 * * *", null, new TrainingRequest { Folder = "faces" }, 10, 100, true);

    private async Task WakeAtAsync(DateTimeOffset moment)
    {
        _silo.Clock.Set(moment);
        await Schedules.WakeAsync();
    }

    /// <summary>A worker takes up what waits and ends it.</summary>
    private async Task FinishAsync()
    {
        while (await Queue.ClaimAsync("worker") is { } lease)
            await Queue.CompleteAsync(lease.Run.Id, lease.Token, new TrainingEnd(null, "Nothing learnt."));
    }
}

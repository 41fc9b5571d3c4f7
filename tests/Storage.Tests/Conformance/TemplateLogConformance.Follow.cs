namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>What those who follow a log see of it.</summary>
public abstract partial class TemplateLogConformance
{
    [Fact]
    public async Task Whoever_follows_a_log_sees_each_commit_once_it_is_acknowledged_and_takes_no_epoch()
    {
        await using ILogFollower follower = _store.Connect().Follow(Shard);
        LogHead at = default;
        for (int i = 0; i < 12; i++)
        {
            CommitResult added = await _log.CommitAsync(_make.Enrol($"p{i}", 2));
            (await follower.PeekAsync()).ShouldBe(_log.Head);
            if (i % 3 == 2)
                await _log.CommitAsync(_make.Erase($"p{i - 1}"));
            List<LogEntry> entries = [];
            LogHead? head = await follower.ReadAsync(at.Lsn, at.Digest, entries.AddRange);
            head.ShouldBe(_log.Head);
            entries.OfType<LogEntry.TemplateAdded>().Select(t => t.Template.Id).ShouldBe(added.Templates);
            entries.OfType<LogEntry.IdentityGone>().Count().ShouldBe(i % 3 == 2 ? 1 : 0);
            at = head!.Value;
        }
        (_log.Epoch, await _log.IsCurrentAsync()).ShouldBe((1, true));
    }

    [Fact]
    public async Task Whoever_follows_a_log_goes_on_through_scrubs_and_openings_and_sees_nothing_of_a_fenced_writer()
    {
        await using ILogFollower follower = _store.Connect().Follow(Shard);
        await _log.CommitAsync(_make.Enrol("ada", 3));
        await _log.CommitAsync(_make.Enrol("grace"));
        LogHead at = (await follower.ReadAsync(0, 0, _ => { }))!.Value;
        await _log.CommitAsync(_make.Erase("ada"));
        await _log.ScrubAsync();
        await using ITemplateLog next = await _store.Connect().OpenAsync(Shard);
        await Should.ThrowAsync<EpochFencedException>(async () => await _log.CommitAsync(_make.Enrol("fenced")));
        await next.CommitAsync(_make.Enrol("lin"));
        List<LogEntry> entries = [];
        (await follower.ReadAsync(at.Lsn, at.Digest, entries.AddRange)).ShouldBe(next.Head);
        entries.OfType<LogEntry.IdentityChanged>().Select(c => c.Identity).ShouldBe(["lin"]);
        (entries.OfType<LogEntry.TemplateRemoved>().Count(), entries.OfType<LogEntry.IdentityGone>().Count()).ShouldBe((3, 1));
    }

    [Fact]
    public async Task Whoever_follows_a_log_is_told_that_it_is_gone_or_another_one()
    {
        ITemplateLogProvider provider = _store.Connect();
        await using ILogFollower follower = _store.Connect().Follow(Shard);
        await _log.CommitAsync(_make.Enrol("ada"));
        LogHead at = _log.Head;
        await _log.DisposeAsync();
        await provider.DeleteGalleryAsync("people");
        (await follower.PeekAsync()).ShouldBeNull();
        (await follower.ReadAsync(at.Lsn, at.Digest, _ => { })).ShouldBeNull();
        _log = await provider.OpenAsync(Shard);
        await _log.CommitAsync(_make.Enrol("grace"));
        await Should.ThrowAsync<LogDamagedException>(async () => await follower.ReadAsync(at.Lsn, at.Digest, _ => { }));
        (await follower.ReadAsync(0, 0, _ => { })).ShouldBe(_log.Head);
    }

    [Fact]
    public async Task Whoever_follows_a_log_keeps_nothing_of_what_was_erased_once_he_has_looked_again()
    {
        await using ILogFollower follower = _store.Connect().Follow(Shard);
        IdentityChange erased = _make.Enrol("ada", 2), kept = _make.Enrol("grace");
        await _log.CommitAsync(erased);
        await _log.CommitAsync(kept);
        (await follower.PeekAsync()).ShouldBe(_log.Head);
        await _log.CommitAsync(_make.Erase("ada"));
        await _log.ScrubAsync();
        (await follower.PeekAsync()).ShouldBe(_log.Head);
        bool? holds = await _store.HoldsAsync(kept.Add[0].Embedding.Bytes.ToArray());
        Assert.SkipWhen(holds is null, "The raw bytes of this store cannot be looked at.");
        holds.ShouldBe(true);
        (await _store.HoldsAsync(erased.Add[0].Embedding.Bytes.ToArray())).ShouldBe(false);
    }
}

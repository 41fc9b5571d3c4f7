using System.Text;

namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>Erasure, differences, fencing and concurrency.</summary>
public abstract partial class TemplateLogConformance
{
    [Fact]
    public async Task An_erased_identity_is_gone_and_its_earlier_operations_are_superseded()
    {
        IdentityChange enrol = _make.Enrol("ada", 2), more = _make.Enrol("ada");
        await _log.CommitAsync(enrol);
        await _log.CommitAsync(more);
        IdentityChange erase = _make.Erase("ada");
        CommitResult erased = await _log.CommitAsync(erase);
        erased.Status.ShouldBe(CommitStatus.Applied);
        erased.Current.ShouldBeNull();
        erased.Templates.ShouldBe([.. enrol.Add.Select(t => t.Id), more.Add[0].Id]);
        (_log.Head.Identities, _log.Head.Templates, _log.Head.Digest).ShouldBe((0, 0, 0UL));
        await ReopenAsync();
        (await _log.GetIdentityAsync("ada")).ShouldBeNull();
        (await _log.CommitAsync(enrol)).Status.ShouldBe(CommitStatus.Superseded);
        (await _log.CommitAsync(more)).Status.ShouldBe(CommitStatus.Superseded);
        CommitResult again = await _log.CommitAsync(erase);
        (again.Status, again.Lsn).ShouldBe((CommitStatus.Replayed, erased.Lsn));
        (await _log.CommitAsync(_make.Erase("ada"))).Status.ShouldBe(CommitStatus.NotFound);
        (await _log.CommitAsync(_make.Enrol("ada"))).Version.ShouldBe(1);
        (await _log.CommitAsync(enrol)).Status.ShouldBe(CommitStatus.Superseded);
        (await _log.GetIdentityAsync("ada"))!.Templates.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_difference_takes_the_state_at_an_earlier_commit_to_the_present_one()
    {
        var kept = await _log.CommitAsync(_make.Enrol("kept", 2));
        var shrunk = await _log.CommitAsync(_make.Enrol("shrunk", 2));
        await _log.CommitAsync(_make.Enrol("erased", 2));
        await _log.CommitAsync(_make.Enrol("reborn", 1));
        LogHead then = _log.Head;
        await _log.CommitAsync(_make.Enrol("kept", 1, null, ("k", "v")));
        await _log.CommitAsync(_make.Enrol("shrunk", 0) with { Remove = [shrunk.Templates[0]] });
        await _log.CommitAsync(_make.Erase("erased"));
        await _log.CommitAsync(_make.Erase("reborn"));
        await _log.CommitAsync(_make.Enrol("reborn", 1));
        await _log.CommitAsync(_make.Enrol("brief", 1));
        await _log.CommitAsync(_make.Erase("brief"));
        List<LogEntry> diff = await _log.AllAsync(then.Lsn, then.Digest);
        diff.OfType<LogEntry.TemplateAdded>().Select(t => t.Identity).ShouldBe(["kept", "reborn"]);
        diff.OfType<LogEntry.TemplateRemoved>().Select(t => t.Template).ShouldContain(shrunk.Templates[0]);
        diff.OfType<LogEntry.IdentityGone>().Select(g => g.IdentityHash)
            .ShouldBe([IdentityHash.Of("erased"), IdentityHash.Of("reborn"), IdentityHash.Of("brief")]);
        diff.OfType<LogEntry.IdentityChanged>().Select(i => (i.Identity, i.Version)).ShouldBe([("kept", 2), ("shrunk", 2), ("reborn", 1)]);
        diff.Select(e => e.Lsn).ShouldBeInOrder(SortDirection.Ascending);
        (await _log.AllAsync(_log.Head.Lsn, _log.Head.Digest)).ShouldBeEmpty();
        kept.Lsn.ShouldBeLessThan(then.Lsn);
    }

    [Fact]
    public async Task A_snapshot_of_another_history_is_refused()
    {
        await _log.CommitAsync(_make.Enrol("ada"));
        LogHead head = _log.Head;
        await Should.ThrowAsync<LogDamagedException>(() => _log.AllAsync(head.Lsn, head.Digest + 1));
        await Should.ThrowAsync<LogDamagedException>(() => _log.AllAsync(head.Lsn + 5, head.Digest));
        await Should.ThrowAsync<LogDamagedException>(() => _log.AllAsync(0, 1));
    }

    [Fact]
    public async Task A_reader_sees_one_state_and_holds_up_no_commit()
    {
        for (int i = 0; i < 40; i++)
            await _log.CommitAsync(_make.Enrol($"p{i}", 64));
        LogHead head = _log.Head;
        int templates = 0;
        await foreach (LogEntry entry in _log.ReadAsync(0, 0))
        {
            if (entry is LogEntry.TemplateAdded && templates++ % 500 == 0)
                await _log.CommitAsync(_make.Enrol("late"));
        }
        templates.ShouldBe((int)head.Templates);
        _log.Head.Templates.ShouldBe(head.Templates + 6);
    }

    [Fact]
    public async Task A_second_opener_fences_the_first()
    {
        IdentityChange enrol = _make.Enrol("ada");
        await _log.CommitAsync(enrol);
        await using ITemplateLog second = await _store.Connect().OpenAsync(Shard);
        second.Epoch.ShouldBe(_log.Epoch + 1);
        (await _log.IsCurrentAsync()).ShouldBeFalse();
        (await second.IsCurrentAsync()).ShouldBeTrue();
        await Should.ThrowAsync<EpochFencedException>(async () => await _log.CommitAsync(_make.Enrol("grace")));
        await Should.ThrowAsync<EpochFencedException>(async () => await _log.CommitAsync(enrol));
        await Should.ThrowAsync<EpochFencedException>(async () => await _log.ClearOutboxAsync(long.MaxValue));
        (await second.CommitAsync(enrol)).Status.ShouldBe(CommitStatus.Replayed);
        (await second.CommitAsync(_make.Enrol("grace"))).Status.ShouldBe(CommitStatus.Applied);
        (await second.ReadOutboxAsync(10)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task Of_many_openers_under_load_only_the_last_can_write_and_nothing_acknowledged_is_lost()
    {
        ITemplateLogProvider provider = _store.Connect();
        var acknowledged = new System.Collections.Concurrent.ConcurrentBag<string>();
        var handles = new List<ITemplateLog> { _log };
        var writers = new List<Task>();
        for (int round = 0; round < 5; round++)
        {
            ITemplateLog handle = handles[^1];
            var begun = new TaskCompletionSource();
            int r = round;
            writers.Add(Task.Run(async () =>
            {
                var make = new Make(100 + r);
                for (int i = 0; ; i++)
                {
                    string name = $"r{r}-{i}";
                    try
                    {
                        await handle.CommitAsync(make.Enrol(name));
                    }
                    catch (EpochFencedException)
                    {
                        return;
                    }
                    acknowledged.Add(name);
                    if (i == 3)
                        begun.SetResult();
                }
            }));
            await begun.Task;
            handles.Add(await provider.OpenAsync(Shard));
        }
        await Task.WhenAll(writers);
        handles.Select(h => h.Epoch).ShouldBe([1, 2, 3, 4, 5, 6]);
        ITemplateLog last = handles[^1];
        foreach (string name in acknowledged)
            (await last.GetIdentityAsync(name)).ShouldNotBeNull();
        last.Head.Identities.ShouldBe(acknowledged.Count);
        await last.VerifyAsync();
        foreach (ITemplateLog handle in handles)
            await handle.DisposeAsync();
    }

    [Fact]
    public async Task Concurrent_commits_on_many_identities_all_count_once()
    {
        const int tasks = 32, each = 20;
        IdentityChange[][] changes = [.. Enumerable.Range(0, tasks).Select(t => Enumerable.Range(0, each).Select(i => _make.Enrol($"p{t % 8}-{i}")).ToArray())];
        CommitResult[][] results = await Task.WhenAll(changes.Select(async mine =>
            await Task.WhenAll(mine.Select(c => Task.Run(async () => await _log.CommitAsync(c))))));
        results.SelectMany(r => r).ShouldAllBe(r => r.Status == CommitStatus.Applied);
        results.SelectMany(r => r).Select(r => r.Lsn).Distinct().Count().ShouldBe(tasks * each);
        (_log.Head.Identities, _log.Head.Templates).ShouldBe((8 * each, tasks * each));
        (await _log.VerifyAsync()).ShouldBe(_log.Head);
    }

    [Fact]
    public async Task Concurrent_commits_on_one_identity_take_turns()
    {
        const int tasks = 24;
        IdentityChange[] racing = [.. Enumerable.Range(0, tasks).Select(_ => _make.Enrol("ada") with { ExpectedVersion = 0 })];
        CommitResult[] results = await Task.WhenAll(racing.Select(c => Task.Run(async () => await _log.CommitAsync(c))));
        results.Count(r => r.Status == CommitStatus.Applied).ShouldBe(1);
        results.Count(r => r.Status == CommitStatus.VersionConflict).ShouldBe(tasks - 1);
        CommitResult[] free = await Task.WhenAll(racing.Select(c => Task.Run(async () => await _log.CommitAsync(_make2(c)))));
        free.Select(r => r.Version).Order().ShouldBe(Enumerable.Range(2, tasks).Select(v => (long)v));
        (await _log.GetIdentityAsync("ada"))!.Templates.Count.ShouldBe(tasks + 1);

        IdentityChange _make2(IdentityChange c)
        {
            lock (_make)
                return _make.Enrol("ada");
        }
    }

    [Fact]
    public async Task Concurrent_replays_of_one_operation_apply_it_once()
    {
        IdentityChange change = _make.Enrol("ada", 2);
        CommitResult[] results = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(async () => await _log.CommitAsync(change))));
        results.Count(r => r.Status == CommitStatus.Applied).ShouldBe(1);
        results.Count(r => r.Status == CommitStatus.Replayed).ShouldBe(49);
        results.ShouldAllBe(r => r.Lsn == results[0].Lsn && r.Version == 1 && r.Templates.SequenceEqual(results[0].Templates));
        _log.Head.Templates.ShouldBe(2);
    }

    [Fact]
    public async Task A_deleted_gallery_is_gone_and_its_handles_are_fenced()
    {
        ITemplateLogProvider provider = _store.Connect();
        var neighbour = new ShardId("people2", 1, 0);
        await using (ITemplateLog other = await provider.OpenAsync(neighbour))
            await other.CommitAsync(_make.Enrol("grace"));
        await _log.CommitAsync(_make.Enrol("ada"));
        await provider.DeleteGalleryAsync(Shard.Gallery);
        await provider.DeleteGalleryAsync(Shard.Gallery);
        await Should.ThrowAsync<EpochFencedException>(async () => await _log.CommitAsync(_make.Enrol("grace")));
        (await _log.IsCurrentAsync()).ShouldBeFalse();
        await ReopenAsync();
        _log.Head.ShouldBe(new LogHead(0, 0, 0, 0));
        await using ITemplateLog kept = await provider.OpenAsync(neighbour);
        (await kept.GetIdentityAsync("grace")).ShouldNotBeNull();
    }

    [Fact]
    public async Task Shards_and_generations_are_apart()
    {
        ITemplateLogProvider provider = _store.Connect();
        await using ITemplateLog shard = await provider.OpenAsync(Shard with { Shard = 1 });
        await using ITemplateLog generation = await provider.OpenAsync(Shard with { Generation = 2 });
        await shard.CommitAsync(_make.Enrol("ada"));
        (await _log.GetIdentityAsync("ada")).ShouldBeNull();
        generation.Head.Lsn.ShouldBe(0);
    }

    [Fact]
    public async Task After_a_scrub_no_byte_of_an_erased_template_is_left_in_the_store()
    {
        IdentityChange marker = _make.Enrol("the-erased-one", 1, null, ("secret", "metadata-of-the-erased-one"));
        IdentityChange removed = _make.Enrol("stays", 2);
        for (int i = 0; i < 60; i++)
            await _log.CommitAsync(_make.Enrol($"a{_make.Random.Next()}", 3));
        await _log.CommitAsync(marker);
        await _log.CommitAsync(removed);
        for (int i = 0; i < 60; i++)
            await _log.CommitAsync(_make.Enrol($"b{_make.Random.Next()}", 3));
        byte[] needle = marker.Add[0].Embedding.Bytes.ToArray();
        bool? before = await _store.HoldsAsync(needle);
        Assert.SkipWhen(before is null, "This store's raw bytes cannot be looked at.");
        before.ShouldBe(true);
        await _log.CommitAsync(_make.Erase("the-erased-one"));
        await _log.CommitAsync(_make.Enrol("stays", 0) with { Remove = [removed.Add[0].Id] });
        await _log.ClearOutboxAsync(_log.Head.Lsn);
        await _log.ScrubAsync();
        (await _store.HoldsAsync(needle)).ShouldBe(false);
        (await _store.HoldsAsync(needle.AsMemory(0, 64))).ShouldBe(false);
        (await _store.HoldsAsync(removed.Add[0].Embedding.Bytes.ToArray())).ShouldBe(false);
        (await _store.HoldsAsync(removed.Add[1].Embedding.Bytes.ToArray())).ShouldBe(true);
        (await _store.HoldsAsync(Encoding.UTF8.GetBytes("the-erased-one"))).ShouldBe(false);
        await ReopenAsync();
        (await _store.HoldsAsync(needle)).ShouldBe(false);
    }

    [Fact]
    public async Task A_scrub_waits_for_readers_and_then_completes()
    {
        for (int i = 0; i < 3; i++)
            await _log.CommitAsync(_make.Enrol($"p{i}", 600));
        IAsyncEnumerator<LogEntry> reader = _log.ReadAsync(0, 0).GetAsyncEnumerator();
        (await reader.MoveNextAsync()).ShouldBeTrue();
        await _log.CommitAsync(_make.Erase("p0"));
        Task scrub = _log.ScrubAsync().AsTask();
        int left = 1;
        while (await reader.MoveNextAsync())
            left++;
        await reader.DisposeAsync();
        await scrub;
        left.ShouldBe(1803);
        _log.Head.Templates.ShouldBe(1200);
    }
}

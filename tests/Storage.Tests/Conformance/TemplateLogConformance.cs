namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>What every template log does; each provider runs all of it, unchanged.</summary>
public abstract partial class TemplateLogConformance : IAsyncLifetime
{
    private static readonly ShardId Shard = new("people", 1, 0);
    private readonly Make _make = new(4711);
    private TemplateLogStore _store = null!;
    private ITemplateLog _log = null!;

    protected abstract ValueTask<TemplateLogStore> CreateStoreAsync();

    public async ValueTask InitializeAsync()
    {
        _store = await CreateStoreAsync();
        _log = await _store.Connect().OpenAsync(Shard);
    }

    public async ValueTask DisposeAsync()
    {
        await _log.DisposeAsync();
        await _store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Removed_templates_are_listed_for_good()
    {
        CommitResult ann = await _log.CommitAsync(_make.Enrol("ann", 2)), bob = await _log.CommitAsync(_make.Enrol("bob"));
        await _log.CommitAsync(new IdentityChange { OperationId = "one", Identity = "ann", Remove = [ann.Templates[1]], At = Make.Day });
        await _log.CommitAsync(_make.Erase("bob"));
        await ReopenAsync();
        (await _log.ListRemovedAsync()).ShouldBe([ann.Templates[1], bob.Templates[0]]);
    }

    [Fact]
    public async Task A_copied_record_keeps_the_version_and_beginning_it_had_and_may_begin_without_templates()
    {
        DateTimeOffset began = Make.Day.AddDays(-40);
        await using ITemplateLog log = await _store.Connect().OpenAsync(new("people", 2, 0));
        CommitResult copied = await log.CommitAsync(_make.Enrol("ann", metadata: ("name", "Ann")) with { As = new IdentityStamp(7, began) });
        CommitResult empty = await log.CommitAsync(new IdentityChange { OperationId = "copy-bob", Identity = "bob", Metadata = new Dictionary<string, string>(), As = new IdentityStamp(3, began), At = Make.Day });
        (copied.Status, copied.Version, copied.Current!.Version, copied.Current.CreatedAt).ShouldBe((CommitStatus.Applied, 7, 7, began));
        (empty.Status, empty.Version, empty.Current!.Templates.Count).ShouldBe((CommitStatus.Applied, 3, 0));
        (await log.CommitAsync(_make.Enrol("ann"))).Version.ShouldBe(8);
        await log.VerifyAsync();
    }

    [Fact]
    public async Task A_deleted_generation_takes_its_logs_alone()
    {
        ITemplateLogProvider provider = _store.Connect();
        await _log.CommitAsync(_make.Enrol("ann"));
        await _log.DisposeAsync();
        await using ITemplateLog kept = await provider.OpenAsync(new("people", 2, 0));
        await kept.CommitAsync(_make.Enrol("ann"));
        await provider.DeleteGenerationAsync("people", 1);
        await provider.DeleteGenerationAsync("people", 1);
        (await kept.CommitAsync(_make.Enrol("bob"))).Status.ShouldBe(CommitStatus.Applied);
        await ReopenAsync();
        _log.Head.Templates.ShouldBe(0);
    }

    [Fact]
    public async Task A_new_log_is_empty()
    {
        _log.Head.ShouldBe(new LogHead(0, 0, 0, 0));
        _log.Epoch.ShouldBe(1);
        _log.RecoveryNotice.ShouldBeNull();
        (await _log.AllAsync()).ShouldBeEmpty();
        (await _log.GetIdentityAsync("ada")).ShouldBeNull();
        (await _log.ListIdentitiesAsync(null, 10)).ShouldBeEmpty();
        (await _log.ReadOutboxAsync(10)).ShouldBeEmpty();
        (await _log.VerifyAsync()).ShouldBe(_log.Head);
    }

    [Fact]
    public async Task An_enrolment_returns_the_identity_and_can_be_read_back_after_reopening()
    {
        IdentityChange change = _make.Enrol("ada", 3, null, ("name", "Ada Løvelace 😀"), ("team", "engines"));
        CommitResult result = await _log.CommitAsync(change);
        result.Status.ShouldBe(CommitStatus.Applied);
        result.Version.ShouldBe(1);
        result.Lsn.ShouldBe(_log.Head.Lsn);
        result.Templates.ShouldBe(change.Add.Select(t => t.Id));
        string expected = LogReading.Line(result.Current.ShouldNotBeNull());
        LogHead head = _log.Head;
        head.Identities.ShouldBe(1);
        head.Templates.ShouldBe(3);
        await ReopenAsync();
        _log.Head.ShouldBe(head);
        LogReading.Line((await _log.GetIdentityAsync("ada")).ShouldNotBeNull()).ShouldBe(expected);
        List<LogEntry> entries = await _log.AllAsync();
        entries.OfType<LogEntry.TemplateAdded>().Select(t => LogReading.Line(t.Template)).ShouldBe(change.Add.Select(LogReading.Line));
        entries.OfType<LogEntry.TemplateAdded>().ShouldAllBe(t => t.Identity == "ada");
        entries.OfType<LogEntry.IdentityChanged>().ShouldHaveSingleItem().Metadata["name"].ShouldBe("Ada Løvelace 😀");
        entries.Select(e => e.Lsn).ShouldBeInOrder(SortDirection.Ascending);
    }

    [Fact]
    public async Task A_replayed_operation_repeats_its_answer_and_changes_nothing()
    {
        IdentityChange change = _make.Enrol("ada", 2);
        CommitResult first = await _log.CommitAsync(change);
        await _log.CommitAsync(_make.Enrol("ada"));
        LogHead head = _log.Head;
        CommitResult again = await _log.CommitAsync(change);
        again.Status.ShouldBe(CommitStatus.Replayed);
        (again.Lsn, again.Version).ShouldBe((first.Lsn, first.Version));
        again.Templates.ShouldBe(first.Templates);
        _log.Head.ShouldBe(head);
        await ReopenAsync();
        (await _log.CommitAsync(change)).Status.ShouldBe(CommitStatus.Replayed);
    }

    [Fact]
    public async Task An_operation_id_with_other_content_is_refused()
    {
        IdentityChange change = _make.Enrol("ada");
        await _log.CommitAsync(change);
        LogHead head = _log.Head;
        (await _log.CommitAsync(change with { Fingerprint = change.Fingerprint + 1 })).Status.ShouldBe(CommitStatus.OperationReused);
        (await _log.CommitAsync(change with { Identity = "grace" })).Status.ShouldBe(CommitStatus.OperationReused);
        _log.Head.ShouldBe(head);
    }

    [Fact]
    public async Task A_wrong_expected_version_is_refused_with_the_present_one()
    {
        (await _log.CommitAsync(_make.Enrol("ada") with { ExpectedVersion = 1 })).Status.ShouldBe(CommitStatus.VersionConflict);
        (await _log.CommitAsync(_make.Enrol("ada") with { ExpectedVersion = 0 })).Status.ShouldBe(CommitStatus.Applied);
        CommitResult refused = await _log.CommitAsync(_make.Enrol("ada") with { ExpectedVersion = 0 });
        (refused.Status, refused.Version).ShouldBe((CommitStatus.VersionConflict, 1));
        CommitResult next = await _log.CommitAsync(_make.Enrol("ada") with { ExpectedVersion = 1 });
        (next.Status, next.Version).ShouldBe((CommitStatus.Applied, 2));
        _log.Head.Templates.ShouldBe(2);
    }

    [Fact]
    public async Task Changes_of_what_does_not_exist_are_not_found()
    {
        await _log.CommitAsync(_make.Enrol("ada"));
        LogHead head = _log.Head;
        TemplateId other = new(99);
        (await _log.CommitAsync(_make.Erase("grace"))).Status.ShouldBe(CommitStatus.NotFound);
        (await _log.CommitAsync(_make.Enrol("grace", 0, null, ("a", "b")))).Status.ShouldBe(CommitStatus.NotFound);
        (await _log.CommitAsync(_make.Enrol("grace") with { Remove = [other] })).Status.ShouldBe(CommitStatus.NotFound);
        (await _log.CommitAsync(_make.Enrol("ada", 2, null, ("a", "b")) with { Remove = [other] })).Status.ShouldBe(CommitStatus.NotFound);
        _log.Head.ShouldBe(head);
        (await _log.GetIdentityAsync("ada"))!.Metadata.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_template_id_is_never_used_twice()
    {
        IdentityChange first = _make.Enrol("ada");
        await _log.CommitAsync(first);
        TemplateRecord twin = _make.Template() with { Id = first.Add[0].Id };
        (await _log.CommitAsync(_make.Enrol("grace") with { Add = [_make.Template(), twin] })).Status.ShouldBe(CommitStatus.TemplateIdTaken);
        TemplateRecord t = _make.Template();
        (await _log.CommitAsync(_make.Enrol("grace") with { Add = [t, t] })).Status.ShouldBe(CommitStatus.TemplateIdTaken);
        (await _log.GetIdentityAsync("grace")).ShouldBeNull();
        await _log.CommitAsync(_make.Erase("ada"));
        (await _log.CommitAsync(_make.Enrol("grace") with { Add = [twin] })).Status.ShouldBe(CommitStatus.TemplateIdTaken);
    }

    [Fact]
    public async Task Adding_removing_and_metadata_happen_together()
    {
        IdentityChange first = _make.Enrol("ada", 2, null, ("v", "1"));
        await _log.CommitAsync(first);
        IdentityChange second = _make.Enrol("ada", 1, null, ("v", "2")) with { Remove = [first.Add[0].Id] };
        StoredIdentity now = (await _log.CommitAsync(second)).Current.ShouldNotBeNull();
        now.Templates.Select(t => t.Id).ShouldBe([first.Add[1].Id, second.Add[0].Id]);
        now.Metadata["v"].ShouldBe("2");
        _log.Head.Templates.ShouldBe(2);
        CommitResult emptied = await _log.CommitAsync(_make.Enrol("ada", 0) with { Remove = [first.Add[1].Id, second.Add[0].Id] });
        emptied.Current!.Templates.ShouldBeEmpty();
        _log.Head.ShouldBe(await _log.VerifyAsync());
        (_log.Head.Identities, _log.Head.Templates).ShouldBe((1, 0));
    }

    [Fact]
    public async Task An_invalid_change_is_refused_before_it_reaches_the_store()
    {
        await Should.ThrowAsync<ArgumentException>(async () => await _log.CommitAsync(_make.Enrol("ada", 0)));
        await Should.ThrowAsync<ArgumentException>(async () => await _log.CommitAsync(_make.Enrol("a/b")));
        await Should.ThrowAsync<ArgumentException>(async () => await _log.CommitAsync(_make.Enrol("ada", 1, "two words")));
        await Should.ThrowAsync<ArgumentException>(async () => await _log.CommitAsync(_make.Enrol("ada") with { Erase = true }));
    }

    [Fact]
    public async Task Identities_are_listed_in_ordinal_order_page_by_page()
    {
        string[] names = ["Zoe", "ada", "ada.b", "b", "é", "漢字", "10", "9", "~", "a b"];
        foreach (string name in names)
            await _log.CommitAsync(_make.Enrol(name, 1, null, ("n", name)));
        var seen = new List<StoredIdentity>();
        while (await _log.ListIdentitiesAsync(seen.LastOrDefault()?.Id, 3) is { Count: > 0 } page)
            seen.AddRange(page);
        seen.Select(i => i.Id).ShouldBe(names.Order(StringComparer.Ordinal));
        seen.ShouldAllBe(i => i.Templates.Count == 1 && i.Metadata["n"] == i.Id);
    }

    [Fact]
    public async Task A_cancelled_commit_that_was_not_begun_writes_nothing()
    {
        await Should.ThrowAsync<OperationCanceledException>(async () => await _log.CommitAsync(_make.Enrol("ada"), new CancellationToken(true)));
        await _log.CommitAsync(_make.Enrol("grace"));
        (await _log.GetIdentityAsync("ada")).ShouldBeNull();
    }

    [Fact]
    public async Task Events_stay_in_the_outbox_until_they_are_cleared()
    {
        IdentityChange enrol = _make.Enrol("ada", 2);
        long first = (await _log.CommitAsync(enrol)).Lsn;
        await _log.CommitAsync(_make.Enrol("ada", 0, null, ("k", "v")));
        long second = (await _log.CommitAsync(_make.Erase("ada"))).Lsn;
        await ReopenAsync();
        IReadOnlyList<OutboxEvent> events = await _log.ReadOutboxAsync(10);
        events.Select(e => (e.Lsn, e.Kind, e.Identity)).ShouldBe([(first, OutboxKind.Enrolled, "ada"), (second, OutboxKind.Erased, "ada")]);
        events.ShouldAllBe(e => e.Templates.SequenceEqual(enrol.Add.Select(t => t.Id)) && e.At == Make.Day);
        (await _log.ReadOutboxAsync(1)).ShouldHaveSingleItem().Lsn.ShouldBe(first);
        await _log.ClearOutboxAsync(first);
        (await _log.ReadOutboxAsync(10)).ShouldHaveSingleItem().Lsn.ShouldBe(second);
        await _log.ClearOutboxAsync(second);
        await _log.ClearOutboxAsync(second);
        (await _log.ReadOutboxAsync(10)).ShouldBeEmpty();
        await _log.VerifyAsync();
    }

    [Fact]
    public async Task An_operation_is_remembered_for_thirty_days()
    {
        IdentityChange old = _make.Enrol("ada");
        await _log.CommitAsync(old);
        await _log.DisposeAsync();
        _log = await _store.Connect(new FixedTime(Make.Day.AddDays(29))).OpenAsync(Shard);
        await _log.CommitAsync(_make.Enrol("grace") with { At = Make.Day.AddDays(29) });
        (await _log.CommitAsync(old)).Status.ShouldBe(CommitStatus.Replayed);
        await _log.DisposeAsync();
        _log = await _store.Connect(new FixedTime(Make.Day.AddDays(31))).OpenAsync(Shard);
        await _log.CommitAsync(_make.Enrol("lin") with { At = Make.Day.AddDays(31) });
        (await _log.VerifyAsync()).ShouldBe(_log.Head);
        (await _log.GetIdentityAsync("ada"))!.Templates.Count.ShouldBe(1);
    }

    private async Task ReopenAsync()
    {
        await _log.DisposeAsync();
        _log = await _store.Connect().OpenAsync(Shard);
    }
}

namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>Random operations against <see cref="LogModel"/>.</summary>
public abstract partial class TemplateLogConformance
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Random_operations_agree_with_a_model(int seed)
    {
        var make = new Make(seed);
        var model = new LogModel();
        var history = new List<IdentityChange>();
        var replicas = new List<Replica> { new() };
        await using ILogFollower follower = _store.Connect().Follow(Shard);
        var following = new Replica();
        for (int step = 0; step < 350; step++)
        {
            switch (make.Random.Next(20))
            {
                case 0:
                    await ReopenAsync();
                    break;
                case 1:
                    await _log.ScrubAsync();
                    break;
                case 2 when model.Outbox.Count > 0:
                    long through = model.Outbox[make.Random.Next(model.Outbox.Count)].Lsn;
                    await _log.ClearOutboxAsync(through);
                    model.Outbox.RemoveAll(e => e.Lsn <= through);
                    break;
                case 3:
                    var replica = new Replica();
                    await replica.FollowAsync(_log);
                    replicas.Add(replica);
                    break;
                case 4:
                    await following.FollowAsync(follower);
                    following.At.ShouldBe(_log.Head);
                    break;
                default:
                    IdentityChange change = RandomChange(make, model, history);
                    CommitResult actual = await _log.CommitAsync(change);
                    ShouldAgree(actual, model.Apply(change, actual.Lsn), step);
                    history.Add(change);
                    break;
            }
        }
        await ShouldHoldAsync(model, history);
        var fresh = new Replica();
        await fresh.FollowAsync(_log);
        fresh.ShouldEqual(model);
        await following.FollowAsync(follower);
        following.ShouldEqual(fresh);
        foreach (Replica replica in replicas)
        {
            await replica.FollowAsync(_log);
            replica.ShouldEqual(fresh);
        }
    }

    private static IdentityChange RandomChange(Make make, LogModel model, List<IdentityChange> history)
    {
        Random random = make.Random;
        string name = $"p{random.Next(12)}";
        bool exists = model.Identities.TryGetValue(name, out var known);
        TemplateId[] some = exists ? [.. known.Templates.Where(_ => random.Next(3) == 0).Select(t => t.Id)] : [];
        switch (random.Next(12))
        {
            case 0 when history.Count > 0:
                return history[random.Next(history.Count)];
            case 1 when history.Count > 0:
                return history[random.Next(history.Count)] with { Fingerprint = 1 };
            case 2:
                return make.Erase(name);
            case 3 when history.LastOrDefault(h => h.Add.Count > 0) is { } adding:
                return make.Enrol(name) with { Add = [make.Template(), make.Template() with { Id = adding.Add[0].Id }] };
            case 4:
                return make.Enrol(name, 1) with { ExpectedVersion = random.Next(4) };
            case 5:
                return make.Enrol(name, 0, null, ("m", $"{random.Next()}"));
            case 6 when some.Length > 0:
                return make.Enrol(name, random.Next(2)) with { Remove = some };
            case 7:
                return make.Enrol(name, 1) with { Remove = [new(random.NextInt64())] };
            default:
                return make.Enrol(name, random.Next(1, 4), null, ("k", $"{random.Next()}"), ("ü", "\"'\\"));
        }
    }

    private static void ShouldAgree(CommitResult actual, CommitResult expected, int step)
    {
        (actual.Status, actual.Version).ShouldBe((expected.Status, expected.Version), $"step {step}");
        actual.Templates.ShouldBe(expected.Templates, $"step {step}");
        if (expected.Status is CommitStatus.Applied or CommitStatus.Replayed)
            actual.Lsn.ShouldBe(expected.Lsn, $"step {step}");
        (actual.Current is null ? null : LogReading.Line(actual.Current)).ShouldBe(expected.Current is null ? null : LogReading.Line(expected.Current), $"step {step}");
    }

    private async Task ShouldHoldAsync(LogModel model, List<IdentityChange> history)
    {
        (_log.Head.Identities, _log.Head.Templates).ShouldBe((model.Identities.Count, model.Identities.Sum(i => i.Value.Templates.Count)));
        (await _log.VerifyAsync()).ShouldBe(_log.Head);
        (await _log.ListIdentitiesAsync(null, 1000)).Select(LogReading.Line).ShouldBe(model.Identities.Values.Select(i => LogReading.Line(i.Identity)));
        foreach (string name in history.Select(h => h.Identity).Distinct())
        {
            StoredIdentity? stored = await _log.GetIdentityAsync(name);
            (stored is null ? null : LogReading.Line(stored)).ShouldBe(model.Identities.TryGetValue(name, out var known) ? LogReading.Line(known.Identity) : null);
        }
        (await _log.ReadOutboxAsync(10_000)).Select(Line).ShouldBe(model.Outbox.Select(Line));

        static string Line(OutboxEvent e) => $"{e.Lsn} {e.Kind} {e.Identity} {string.Join(' ', e.Templates)} {e.At:O}";
    }
}

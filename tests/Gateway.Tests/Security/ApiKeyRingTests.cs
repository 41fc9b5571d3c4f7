using FaceSearch.Gateway.Security;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Tests.Security;

/// <summary>A ring with a clock of its own before a real silo.</summary>
public sealed class ApiKeyRingTests
{
    private static readonly TimeSpan Cache = TimeSpan.FromSeconds(3), Silence = TimeSpan.FromSeconds(12), Patience = TimeSpan.FromSeconds(2), Tick = TimeSpan.FromMilliseconds(1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Keys_serve_twelve_seconds_longer_while_the_cluster_is_silent_or_fails_and_then_nobody_enters(bool fails)
    {
        KeyTrouble trouble = new();
        await using TestServer server = await TestServer.StartAsync(calls: trouble);
        IApiKeyGrain keys = server.Grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key);
        NewApiKey boss = await keys.CreateAsync("boss", ApiRole.Admin), door = await keys.CreateAsync("door", ApiRole.Identify);
        Clock clock = new();
        ApiKeyRing ring = new(server.Grains, Options.Create(new GatewayOptions { KeyCache = Cache }), clock);
        (await ring.LookUpAsync(door.Key)).Key?.Id.ShouldBe(door.Description.Id);
        await keys.RevokeAsync(door.Description.Id);

        TaskCompletionSource silence = new(TaskCreationOptions.RunContinuationsAsynchronously);
        trouble.Before = fails ? () => throw new FaceSearchException(ProblemTypes.StorageFailed, 503, "The keys cannot be read.") : () => silence.Task;
        clock.Now += Cache;
        (await ring.LookUpAsync(door.Key)).Key?.Id.ShouldBe(door.Description.Id);
        clock.Now += Silence - Tick;
        (await ring.LookUpAsync(door.Key)).Key?.Id.ShouldBe(door.Description.Id);
        clock.Now += Tick;
        Exception refused = await Should.ThrowAsync<Exception>(() => ring.LookUpAsync(door.Key).AsTask());
        Problems.ProblemFactory.From(refused).Status.ShouldBe(503);

        trouble.Before = () => Task.CompletedTask;
        silence.SetResult();
        clock.Now += Patience;
        (await ring.LookUpAsync(door.Key)).ShouldBe(new KeyLookup(true, null));
        (await ring.LookUpAsync(boss.Key)).Key?.Id.ShouldBe(boss.Description.Id);
    }

    [Fact]
    public async Task An_answer_that_comes_late_counts_but_not_after_a_key_was_made_or_revoked_here()
    {
        KeyTrouble trouble = new();
        await using TestServer server = await TestServer.StartAsync(calls: trouble);
        IApiKeyGrain keys = server.Grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key);
        NewApiKey boss = await keys.CreateAsync("boss", ApiRole.Admin);
        Clock clock = new();
        ApiKeyRing ring = new(server.Grains, Options.Create(new GatewayOptions { KeyCache = Cache }), clock);
        (await ring.LookUpAsync(boss.Key)).Key?.Id.ShouldBe(boss.Description.Id);
        NewApiKey door = await keys.CreateAsync("door", ApiRole.Identify);
        TaskCompletionSource late = new(TaskCreationOptions.RunContinuationsAsynchronously), never = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Queue<Task> answers = new([late.Task]);
        trouble.Before = () => answers.TryDequeue(out Task? answer) ? answer : never.Task;

        clock.Now += Cache;
        (await ring.LookUpAsync(door.Key)).Key.ShouldBeNull("the question is under way");
        clock.Now += Patience;
        (await ring.LookUpAsync(door.Key)).Key.ShouldBeNull("it is asked anew");
        late.SetResult();
        for (KeyLookup found = default; found.Key is null; found = await ring.LookUpAsync(door.Key))
            await Task.Yield();

        // The same again, but the ring is told to forget before the answer comes.
        late = new(TaskCreationOptions.RunContinuationsAsynchronously);
        answers.Enqueue(late.Task);
        clock.Now += Cache + Patience;
        (await ring.LookUpAsync(boss.Key)).Key?.Id.ShouldBe(boss.Description.Id);
        ring.Forget();
        late.SetResult();
        await Should.ThrowAsync<Exception>(() => ring.LookUpAsync(boss.Key).AsTask(), "only an answer to a later question may serve");
        never.SetResult();
    }

    /// <summary>Says what it is told; its timers are real.</summary>
    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}

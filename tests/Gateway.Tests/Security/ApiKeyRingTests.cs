using FaceSearch.Gateway.Security;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Tests.Security;

/// <summary>A ring with a clock of its own before a real silo.</summary>
public sealed class ApiKeyRingTests
{
    private static readonly TimeSpan Cache = TimeSpan.FromSeconds(3), Grace = TimeSpan.FromSeconds(2), Tick = TimeSpan.FromMilliseconds(1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Keys_serve_two_seconds_longer_while_the_cluster_is_silent_or_fails_and_then_nobody_enters(bool fails)
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
        clock.Now += Grace - Tick;
        (await ring.LookUpAsync(door.Key)).Key?.Id.ShouldBe(door.Description.Id);
        clock.Now += Tick;
        Exception refused = await Should.ThrowAsync<Exception>(() => ring.LookUpAsync(door.Key).AsTask());
        Problems.ProblemFactory.From(refused).Status.ShouldBe(503);

        trouble.Before = () => Task.CompletedTask;
        silence.SetResult();
        clock.Now += Grace;
        (await ring.LookUpAsync(door.Key)).ShouldBe(new KeyLookup(true, null));
        (await ring.LookUpAsync(boss.Key)).Key?.Id.ShouldBe(boss.Description.Id);
    }

    /// <summary>Says what it is told; its timers are real.</summary>
    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}

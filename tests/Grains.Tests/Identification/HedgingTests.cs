using FaceSearch.Grains.Identification;
using FaceSearch.Grains.Replicas;
using Microsoft.Extensions.Options;

namespace FaceSearch.Grains.Tests.Identification;

public sealed class HedgingTests
{
    private static readonly ShardId Shard = new("people", 1, 0);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_95th_percentile_is_at_most_a_tenth_too_high(int seed)
    {
        Random random = new(seed);
        RecentLatency latency = new();
        double[] milliseconds = [.. Enumerable.Range(0, 500).Select(_ => 1 + (99 * Math.Pow(random.NextDouble(), 3)))];
        foreach (double one in milliseconds)
            latency.Record(TimeSpan.FromMilliseconds(one));
        double exact = milliseconds.Order().ElementAt((int)Math.Ceiling(0.95 * milliseconds.Length) - 1);
        latency.Quantile(0.95)!.Value.TotalMilliseconds.ShouldBeInRange(exact, exact * 1.1001);
    }

    [Fact]
    public void A_shard_that_became_slow_is_known_as_slow_after_some_hundred_answers()
    {
        RecentLatency latency = new();
        latency.Quantile(0.95).ShouldBeNull();
        for (int i = 0; i < 5000; i++)
            latency.Record(TimeSpan.FromMilliseconds(2));
        latency.Quantile(0.95)!.Value.TotalMilliseconds.ShouldBeLessThan(2.3);
        for (int i = 0; i < 600; i++)
            latency.Record(TimeSpan.FromMilliseconds(80));
        latency.Quantile(0.95)!.Value.TotalMilliseconds.ShouldBeInRange(80, 89);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void At_no_moment_are_more_than_a_twentieth_of_the_requests_doubled(int seed)
    {
        Random random = new(seed);
        Hedging hedging = new(Options.Create(new ReplicaOptions()));
        int sent = 0, asked = 0;
        for (int i = 1; i <= 20_000; i++)
        {
            hedging.Begin(Shard);
            if (random.Next(3) == 0)
            {
                asked++;
                sent += hedging.TryTake() ? 1 : 0;
            }
            sent.ShouldBeLessThanOrEqualTo((int)Math.Floor((0.05 * i) + 1e-6));
        }
        asked.ShouldBeGreaterThan(6000);
        sent.ShouldBeInRange(990, 1000);
    }

    [Fact]
    public void A_quiet_time_saves_no_more_than_a_few_extra_requests()
    {
        Hedging hedging = new(Options.Create(new ReplicaOptions()));
        for (int i = 0; i < 10_000; i++)
            hedging.Begin(Shard);
        Enumerable.Range(0, 100).Count(_ => hedging.TryTake()).ShouldBeLessThanOrEqualTo(10);
    }

    [Fact]
    public void A_token_comes_back_as_it_was_given_and_only_to_its_own_gallery()
    {
        ConsistencyToken token = new(new ShardId("people", 3, 17), 1L << 40);
        string text = $"{token},{new ConsistencyToken(new ShardId("people", 1, 0), 1)}";
        ConsistencyToken.TryParse(text, "people", out ConsistencyToken[] read).ShouldBeTrue();
        read.ShouldBe([token, new ConsistencyToken(new ShardId("people", 1, 0), 1)]);
        text.ShouldNotContain("people");
        ConsistencyToken.TryParse(text, "others", out _).ShouldBeFalse();
        foreach (string wrong in new[] { "", "x", "AAAA", "1:0:5", text[1..], text.Replace(',', ';'), token + ",", new string('A', 5000), string.Join(',', Enumerable.Repeat(token, 65)) })
            ConsistencyToken.TryParse(wrong, "people", out _).ShouldBeFalse(wrong);
        Random random = new(7);
        byte[] noise = new byte[24];
        for (int i = 0; i < 2000; i++)
        {
            random.NextBytes(noise);
            ConsistencyToken.TryParse(Convert.ToBase64String(noise.AsSpan(0, 1 + random.Next(24))).Replace('+', '-').Replace('/', '_').TrimEnd('='), "people", out _).ShouldBeFalse();
        }
    }
}

using FaceSearch.Grains.Identification;
using FaceSearch.Grains.Reembedding;

namespace FaceSearch.Grains.Tests.Reembedding;

public sealed class BackfillPaceTests
{
    private static readonly TimeSpan Page = TimeSpan.FromMilliseconds(100);
    private readonly HandClock _time = new();

    [Fact]
    public void Without_traffic_it_never_rests()
    {
        BackfillPace pace = new([new LiveLatency(_time)], new ReembeddingOptions());
        for (int page = 0; page < 10; page++)
            pace.After(Page).ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void It_rests_more_while_identification_is_slower_than_before_and_less_when_it_has_recovered()
    {
        LiveLatency latency = new(_time);
        Traffic(latency, 10);
        BackfillPace pace = new([latency], new ReembeddingOptions());
        pace.After(Page).ShouldBe(TimeSpan.Zero);
        TimeSpan before = TimeSpan.Zero;
        for (int page = 0; page < 4; page++)
        {
            Traffic(latency, 40);
            TimeSpan rest = pace.After(Page);
            rest.ShouldBeGreaterThan(before);
            before = rest;
        }
        pace.Share.ShouldBeGreaterThan(0.6);
        for (int page = 0; page < 40; page++)
        {
            Traffic(latency, 11);
            pace.After(Page);
        }
        pace.Share.ShouldBeLessThan(0.01);
    }

    [Fact]
    public void It_never_stands_still()
    {
        LiveLatency latency = new(_time);
        Traffic(latency, 10);
        BackfillPace pace = new([latency], new ReembeddingOptions { MaxRest = 16 });
        for (int page = 0; page < 100; page++)
        {
            Traffic(latency, 5000);
            pace.After(Page).ShouldBeLessThanOrEqualTo(16 * Page);
        }
    }

    /// <summary>Six seconds of identifications that take so long.</summary>
    private void Traffic(LiveLatency latency, double milliseconds)
    {
        for (int i = 0; i < 120; i++)
        {
            _time.Now += TimeSpan.FromMilliseconds(50);
            latency.Record(TimeSpan.FromMilliseconds(milliseconds));
        }
    }

    private sealed class HandClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}

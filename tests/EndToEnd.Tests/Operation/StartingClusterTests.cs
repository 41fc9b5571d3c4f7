using FaceSearch.Silo.Startup;

namespace FaceSearch.EndToEnd.Tests.Operation;

/// <summary>A silo that starts while another one falls silent.</summary>
public sealed class StartingClusterTests
{
    private readonly Hurried _time = new();
    private int _calls;

    [Fact]
    public async Task A_call_that_was_lost_is_made_again()
    {
        await StartingCluster.AskAsync(() => ++_calls < 3 ? Task.FromException(new TimeoutException("lost")) : Task.CompletedTask, _time, CancellationToken.None);
        _calls.ShouldBe(3);
    }

    [Fact]
    public async Task After_two_minutes_without_an_answer_it_gives_up()
    {
        await Should.ThrowAsync<TimeoutException>(() => StartingCluster.AskAsync(() =>
        {
            _calls++;
            return Task.FromException(new TimeoutException("lost"));
        }, _time, CancellationToken.None));
        _calls.ShouldBe(121);
    }

    [Fact]
    public async Task A_refusal_is_not_asked_for_twice()
    {
        await Should.ThrowAsync<FaceSearchException>(() => StartingCluster.AskAsync(() =>
        {
            _calls++;
            return Task.FromException(FaceSearchException.Invalid("no"));
        }, _time, CancellationToken.None));
        _calls.ShouldBe(1);
    }

    /// <summary>Every wait is over at once, and the clock says that it was not.</summary>
    private sealed class Hurried : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _now += dueTime.Ticks;
            return System.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}

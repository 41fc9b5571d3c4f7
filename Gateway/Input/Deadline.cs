using FaceSearch.Gateway.Problems;
using Microsoft.AspNetCore.Http;

namespace FaceSearch.Gateway.Input;

/// <summary>One absolute deadline from the arrival of the HTTP request to the last shard; the token also ends when the caller hangs up.</summary>
internal sealed class Deadline : IDisposable
{
    /// <summary>What was found by the deadline needs a moment to come back: a partial answer that the caller allowed is not lost for it.</summary>
    private static readonly TimeSpan Return = TimeSpan.FromMilliseconds(40);
    private static readonly object Arrival = new();

    private readonly CancellationTokenSource _source;
    private readonly CancellationToken _aborted;
    private readonly TimeSpan _after;

    /// <param name="context">The request; the time since <see cref="Arrived"/> counts.</param>
    /// <param name="after">How long after its arrival.</param>
    public Deadline(HttpContext context, TimeSpan after)
    {
        _after = after;
        DateTimeOffset now = DateTimeOffset.UtcNow;
        At = (context.Items[Arrival] is DateTimeOffset arrived ? arrived : now) + after;
        _aborted = context.RequestAborted;
        _source = CancellationTokenSource.CreateLinkedTokenSource(_aborted);
        TimeSpan left = At + Return - now;
        if (left > TimeSpan.Zero)
            _source.CancelAfter(left);
        else
            _source.Cancel();
    }

    public DateTimeOffset At { get; }

    public CancellationToken Token => _source.Token;

    /// <summary>A request's headers have come: what it now waits for (keys, a place in a queue, its body) counts.</summary>
    public static void Arrived(HttpContext context) => context.Items[Arrival] = DateTimeOffset.UtcNow;

    /// <summary>Runs work under the deadline; passing it is a deadline-exceeded problem, whether the work heeds the token or not. Begins nothing once it has passed.</summary>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work)
    {
        Task<T>? running = null;
        try
        {
            Token.ThrowIfCancellationRequested();
            running = work(Token);
            return await running.WaitAsync(Token);
        }
        catch (OperationCanceledException) when (Token.IsCancellationRequested && !_aborted.IsCancellationRequested)
        {
            running?.Ignore();
            throw ProblemException.Of(ProblemTypes.DeadlineExceeded, $"The answer was not ready within {_after.TotalMilliseconds:0} ms. Allow more with 'timeoutMs', or try again.");
        }
    }

    public void Dispose() => _source.Dispose();
}

using FaceSearch.Gateway.Problems;
using Microsoft.AspNetCore.Http;

namespace FaceSearch.Gateway.Input;

/// <summary>One absolute deadline from the HTTP request to the last shard; the token also ends when the caller hangs up.</summary>
internal sealed class Deadline : IDisposable
{
    /// <summary>What was found by the deadline needs a moment to come back: a partial answer that the caller allowed is not lost for it.</summary>
    private static readonly TimeSpan Return = TimeSpan.FromMilliseconds(40);

    private readonly CancellationTokenSource _source;
    private readonly CancellationToken _aborted;
    private readonly TimeSpan _after;

    public Deadline(HttpContext context, TimeSpan after)
    {
        _after = after;
        At = DateTimeOffset.UtcNow + after;
        _aborted = context.RequestAborted;
        _source = CancellationTokenSource.CreateLinkedTokenSource(_aborted);
        _source.CancelAfter(after + Return);
    }

    public DateTimeOffset At { get; }

    public CancellationToken Token => _source.Token;

    /// <summary>Runs work under the deadline; passing it is a deadline-exceeded problem, whether the work heeds the token or not.</summary>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work)
    {
        Task<T> running = work(Token);
        try
        {
            return await running.WaitAsync(Token);
        }
        catch (OperationCanceledException) when (Token.IsCancellationRequested && !_aborted.IsCancellationRequested)
        {
            running.Ignore();
            throw ProblemException.Of(ProblemTypes.DeadlineExceeded, $"The answer was not ready within {_after.TotalMilliseconds:0} ms. Allow more with 'timeoutMs', or try again.");
        }
    }

    public void Dispose() => _source.Dispose();
}

using System.Security.Cryptography;
using System.Text;
using FaceSearch.Gateway.Problems;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Security;

/// <summary>What the key ring says of a caller.</summary>
/// <param name="AnyKey">Whether any key exists at all.</param>
/// <param name="Key">The key that was presented; null if none, or not a known one.</param>
internal readonly record struct KeyLookup(bool AnyKey, HashedApiKey? Key);

/// <summary>The hashes of all keys, asked of the cluster every few seconds and compared in fixed time. Thread-safe.</summary>
internal sealed class ApiKeyRing(IGrainFactory grains, IOptions<GatewayOptions> options, TimeProvider time)
{
    /// <summary>
    /// How much older than <see cref="GatewayOptions.KeyCache"/> keys may be while the cluster does not answer, or answers with an error: while
    /// the silo that has them is cut off or late, all requests would hang or fail with it. As long as it takes to declare a silo dead and to
    /// ask the next one; meanwhile nobody can revoke a key where that silo is gone, and where only the way to it is, that way takes longer.
    /// </summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(12);

    /// <summary>How long a request waits for the keys where there are none that still do, and a question for its answer before it is asked anew.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>How long a request waits for newer keys than those that still do.</summary>
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(50);

    private sealed record Snapshot(IReadOnlyList<HashedApiKey> Keys, DateTimeOffset At);

    private sealed class Question(DateTimeOffset at, int turn)
    {
        public DateTimeOffset At { get; } = at;

        /// <summary>How often <see cref="Forget"/> had been called.</summary>
        public int Turn { get; } = turn;

        public Task<Snapshot> Answer { get; set; } = null!;
    }

    private readonly Lock _gate = new();
    private volatile Snapshot? _snapshot;
    private Question? _question;
    private int _turn;

    /// <exception cref="Exception">The cluster does not answer: nobody is let in on a guess.</exception>
    public async ValueTask<KeyLookup> LookUpAsync(string? presented)
    {
        Snapshot? snapshot = _snapshot;
        TimeSpan cache = options.Value.KeyCache, age = snapshot is null ? TimeSpan.MaxValue : time.GetUtcNow() - snapshot.At;
        if (snapshot is null || age >= cache + Silence)
            snapshot = await NewAsync() ?? throw new ProblemException(ProblemFactory.Create(ProblemTypes.ShardUnavailable, "The part of the cluster that knows the API keys does not answer. Nothing was done.") with { RetryAfterSeconds = 1 });
        else if (age >= cache)
            snapshot = await NewerAsync() ?? snapshot;
        else if (age >= cache / 2) // Ahead of time, so that no request of steady traffic waits for it.
            Ask().Ignore();
        if (presented is null || snapshot.Keys.Count == 0)
            return new(snapshot.Keys.Count > 0, null);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(presented), hash);
        HashedApiKey? found = null;
        foreach (HashedApiKey key in snapshot.Keys)
        {
            if (CryptographicOperations.FixedTimeEquals(key.Sha256, hash))
                found = key;
        }
        return new(true, found);
    }

    /// <summary>After a key was made or revoked here: the next caller asks the cluster.</summary>
    public void Forget()
    {
        lock (_gate)
            (_snapshot, _question, _turn) = (null, null, _turn + 1);
    }

    /// <summary>The keys as the cluster has them now; null if it does not say so in time.</summary>
    /// <exception cref="Exception">The cluster answers with an error.</exception>
    private async Task<Snapshot?> NewAsync()
    {
        Task<Snapshot> answer = Ask();
        await ((Task)answer).WaitAsync(Patience, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return answer.IsCompleted ? await answer : null;
    }

    /// <summary>The keys as the cluster has them now; null if it does not say so at once, or fails.</summary>
    private async Task<Snapshot?> NewerAsync()
    {
        Task<Snapshot> answer = Ask();
        await ((Task)answer).WaitAsync(Moment, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return answer.IsCompletedSuccessfully ? await answer : null;
    }

    /// <summary>All callers wait for one question; one that has no answer in time is asked anew.</summary>
    private Task<Snapshot> Ask()
    {
        lock (_gate)
        {
            DateTimeOffset now = time.GetUtcNow();
            if (_question is null || _question.Answer.IsCompleted || now - _question.At >= Patience)
            {
                _question?.Answer.Ignore();
                _question = new(now, _turn);
                _question.Answer = AskAsync(_question);
            }
            return _question.Answer;
        }
    }

    private async Task<Snapshot> AskAsync(Question question)
    {
        Snapshot snapshot = new(await grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key).GetHashesAsync(), question.At);
        lock (_gate)
        {
            if (question.Turn == _turn && !(_snapshot?.At > question.At))
                _snapshot = snapshot;
        }
        return snapshot;
    }
}

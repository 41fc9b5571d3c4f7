using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Security;

/// <summary>What the key ring says of a caller.</summary>
/// <param name="AnyKey">Whether any key exists at all.</param>
/// <param name="Key">The key that was presented; null if none, or not a known one.</param>
internal readonly record struct KeyLookup(bool AnyKey, HashedApiKey? Key);

/// <summary>The hashes of all keys, asked of the cluster every few seconds and compared in fixed time. Thread-safe.</summary>
internal sealed class ApiKeyRing(IGrainFactory grains, IOptions<GatewayOptions> options, TimeProvider time) : IDisposable
{
    private sealed record Snapshot(IReadOnlyList<HashedApiKey> Keys, DateTimeOffset At);

    private readonly SemaphoreSlim _refresh = new(1, 1);
    private volatile Snapshot? _snapshot;

    /// <exception cref="Exception">The cluster does not answer: nobody is let in on a guess.</exception>
    public async ValueTask<KeyLookup> LookUpAsync(string? presented)
    {
        Snapshot snapshot = _snapshot is { } fresh && time.GetUtcNow() - fresh.At < options.Value.KeyCache ? fresh : await RefreshAsync();
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
    public void Forget() => _snapshot = null;

    public void Dispose() => _refresh.Dispose();

    private async Task<Snapshot> RefreshAsync()
    {
        await _refresh.WaitAsync();
        try
        {
            if (_snapshot is { } fresh && time.GetUtcNow() - fresh.At < options.Value.KeyCache)
                return fresh;
            DateTimeOffset at = time.GetUtcNow();
            Snapshot snapshot = new(await grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key).GetHashesAsync(), at);
            _snapshot = snapshot;
            return snapshot;
        }
        finally
        {
            _refresh.Release();
        }
    }
}

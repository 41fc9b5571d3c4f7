namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>Seeded test data.</summary>
internal sealed class Make(int seed)
{
    public static readonly DateTimeOffset Day = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public Random Random { get; } = new(seed);

    public Embedding Embedding()
    {
        float[] values = new float[FaceSearch.Embedding.Dimension];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)((Random.NextDouble() * 2) - 1);
        return FaceSearch.Embedding.Normalise(values);
    }

    public TemplateRecord Template() => new(
        new(Random.NextInt64(1, long.MaxValue)),
        Embedding(),
        Random.Next(2) == 0 ? TemplateQuality.Unknown : new(Random.NextSingle(), Random.NextSingle(), 80 + (100 * Random.NextSingle()), null, 1),
        Day.AddTicks(Random.NextInt64(TimeSpan.TicksPerDay)));

    public IdentityChange Enrol(string identity, int templates = 1, string? operation = null, params (string Key, string Value)[] metadata) => new()
    {
        OperationId = operation ?? Operation(),
        Identity = identity,
        Add = [.. Enumerable.Range(0, templates).Select(_ => Template())],
        Metadata = metadata.Length == 0 ? null : metadata.ToDictionary(m => m.Key, m => m.Value),
        Fingerprint = (ulong)Random.NextInt64(),
        At = Day,
    };

    public IdentityChange Erase(string identity) => new() { OperationId = Operation(), Identity = identity, Erase = true, At = Day };

    public string Operation() => $"op-{Random.NextInt64():x16}";
}

/// <summary>A provider's store as the suites see it.</summary>
public abstract class TemplateLogStore : IAsyncDisposable
{
    /// <summary>A provider on the store with default settings; each call makes another one, as another process would.</summary>
    public abstract ITemplateLogProvider Connect(TimeProvider time);

    /// <summary>As above, on the day of the test data.</summary>
    public ITemplateLogProvider Connect() => Connect(new FixedTime(Make.Day));

    /// <summary>Whether the store's raw bytes hold a sequence; null where they cannot be looked at.</summary>
    public abstract ValueTask<bool?> HoldsAsync(ReadOnlyMemory<byte> needle);

    public abstract ValueTask DisposeAsync();
}

/// <summary>A clock that stands still.</summary>
internal sealed class FixedTime(DateTimeOffset now) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => now;
}

internal static class LogReading
{
    public static async Task<List<LogEntry>> AllAsync(this ITemplateLog log, long afterLsn = 0, ulong digest = 0)
    {
        var entries = new List<LogEntry>();
        await foreach (LogEntry entry in log.ReadAsync(afterLsn, digest))
            entries.Add(entry);
        return entries;
    }

    /// <summary>Everything a shard would build from the log, as text that can be compared.</summary>
    public static async Task<string> ContentAsync(this ITemplateLog log)
    {
        var lines = new List<string> { $"{log.Head.Lsn} {log.Head.Identities} {log.Head.Templates} {log.Head.Digest:x16}" };
        lines.AddRange((await log.AllAsync()).Select(Line));
        return string.Join('\n', lines);
    }

    public static string Line(LogEntry entry) => entry switch
    {
        LogEntry.TemplateAdded t => $"{t.Lsn} + {t.Identity} {Line(t.Template)}",
        LogEntry.IdentityChanged i => $"{i.Lsn} = {i.Identity} v{i.Version} {Line(i.Metadata)}",
        _ => entry.ToString(),
    };

    public static string Line(StoredIdentity identity) =>
        $"{identity.Id} v{identity.Version} {Line(identity.Metadata)} {identity.CreatedAt:O} {identity.UpdatedAt:O} [{string.Join(' ', identity.Templates)}]";

    public static string Line(TemplateRecord t) => $"{t.Id} {Convert.ToHexStringLower(t.Embedding.Bytes)} {t.Quality} {t.CreatedAt:O}";

    private static string Line(IReadOnlyDictionary<string, string> metadata) =>
        string.Join(',', metadata.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{m.Key}:{m.Value}"));
}

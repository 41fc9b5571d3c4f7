using System.Net.Sockets;
using System.Text.Json;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>Turns the server's error codes into the store's exceptions. Messages carry codes, never stored values.</summary>
internal static class PostgresErrors
{
    /// <summary>An error of the server or of the way to it.</summary>
    public static bool IsOfTheServer(Exception e) => e is NpgsqlException or TimeoutException or IOException or SocketException;

    /// <summary>disk_full, for a table, an index or a temporary file.</summary>
    public static bool IsFull(Exception e) => e is PostgresException { SqlState: PostgresErrorCodes.DiskFull };

    /// <summary>The server is short of something that comes back: memory (also for locks), connections, a configured limit. It took the transaction back.</summary>
    public static bool IsBusy(Exception e) => e is PostgresException
    {
        SqlState: PostgresErrorCodes.InsufficientResources or PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.ConfigurationLimitExceeded,
    };

    /// <summary>Stored content that contradicts the format: a constraint of ours, a missing table, a page that does not fit its checksum.</summary>
    public static bool IsDamage(Exception e) => e is PostgresException { SqlState: var state } && (state.StartsWith("22", StringComparison.Ordinal)
        || state.StartsWith("23", StringComparison.Ordinal) || state.StartsWith("XX", StringComparison.Ordinal) || state == PostgresErrorCodes.UndefinedTable);

    /// <summary>For people: the code and what kind it is, no value and no address.</summary>
    public static string Reason(Exception e) => e switch
    {
        PostgresException p => p.SqlState switch
        {
            PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => $"it refuses the user or the password ({p.SqlState})",
            PostgresErrorCodes.InvalidCatalogName => $"there is no such database ({p.SqlState})",
            PostgresErrorCodes.TooManyConnections => $"it has no connection left ({p.SqlState})",
            PostgresErrorCodes.OutOfMemory => $"it has no memory left ({p.SqlState})",
            PostgresErrorCodes.InsufficientPrivilege => $"the user lacks a privilege ({p.SqlState})",
            _ => $"PostgreSQL reports {p.SqlState}",
        },
        { InnerException: SocketException s } => $"no connection ({s.SocketErrorCode})",
        { InnerException: TimeoutException } or TimeoutException => "it did not answer in time",
        _ => "the connection failed",
    };

    /// <summary>The exception for a failed read, or for a write that was taken back.</summary>
    public static Exception Translate(ShardId shard, Exception e) => e switch
    {
        StorageException or OperationCanceledException or ObjectDisposedException => e,
        _ when IsFull(e) => new StorageFullException(shard, e),
        _ when IsBusy(e) => new StorageBusyException($"The log of shard {shard} cannot be used for a moment: {Reason(e)}. Nothing was written.", e),
        _ when IsDamage(e) => new LogDamagedException(shard, Reason(e), e),
        _ when IsOfTheServer(e) => new StorageUnavailableException($"The log of shard {shard} cannot be reached now: {Reason(e)}.", e),
        InvalidCastException or FormatException or ArgumentException or OverflowException or JsonException
            => new LogDamagedException(shard, $"a stored value is not of its column's kind ({e.GetType().Name})"),
        _ => e,
    };

    /// <summary>As above, for what belongs to no shard.</summary>
    public static Exception Translate(string what, Exception e) => e switch
    {
        StorageException or OperationCanceledException or ObjectDisposedException => e,
        _ when IsFull(e) => new StorageFullException(what, e),
        _ when IsBusy(e) => new StorageBusyException($"The database cannot be used for {what} for a moment: {Reason(e)}. Nothing was written.", e),
        _ when IsOfTheServer(e) => new StorageUnavailableException($"The database cannot be used for {what} now: {Reason(e)}.", e),
        _ => e,
    };
}

using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>Turns SQLite's result codes into the store's exceptions. Messages carry codes, never stored values.</summary>
internal static class SqliteErrors
{
    private const int Error = 1, Corrupt = 11, Full = 13, Schema = 17, TooBig = 18, Constraint = 19, Mismatch = 20, Range = 25, NotADatabase = 26;
    private const int IoErrorShortRead = 522, IoErrorShmSize = 4874;

    /// <summary>No space for the write-ahead log or for its shared index.</summary>
    public static bool IsFull(this SqliteException e) => e.SqliteErrorCode == Full || e.SqliteExtendedErrorCode == IoErrorShmSize;

    /// <summary>Stored bytes that contradict the format (and not the machine being unable to read or write them).</summary>
    public static bool IsDamage(this SqliteException e) =>
        e.SqliteErrorCode is Error or Corrupt or Schema or TooBig or Constraint or Mismatch or Range or NotADatabase
        || e.SqliteExtendedErrorCode == IoErrorShortRead;

    /// <summary>The exception for a failed read.</summary>
    public static Exception Translate(ShardId shard, Exception e) => e switch
    {
        StorageException or OperationCanceledException or ObjectDisposedException => e,
        SqliteException s when s.IsDamage() => new LogDamagedException(shard, $"SQLite reports {Code(s)}", s),
        SqliteException s => new StorageUnavailableException($"The log of shard {shard} cannot be read now: SQLite reports {Code(s)}.", s),
        // Values of the wrong type or size where the schema promises others.
        InvalidCastException or InvalidOperationException or FormatException or ArgumentException or OverflowException or System.Text.Json.JsonException
            => new LogDamagedException(shard, $"a stored value is not of its column's kind ({e.GetType().Name})"),
        IOException or UnauthorizedAccessException => new StorageUnavailableException($"The log of shard {shard} cannot be read now.", e),
        _ => e,
    };

    public static string Code(SqliteException e) => $"result code {e.SqliteErrorCode} (extended {e.SqliteExtendedErrorCode})";
}

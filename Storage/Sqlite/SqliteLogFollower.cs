namespace FaceSearch.Storage.Sqlite;

/// <summary>Reads a log's file beside its writer: a connection a call, so that a log that was deleted or made anew is never mistaken for the one before.</summary>
internal sealed class SqliteLogFollower(ShardId shard, string file) : ILogFollower
{
    private const int NoCheckpointOnClose = 1006;

    public ValueTask<LogHead?> PeekAsync(CancellationToken cancellationToken = default) => LookAsync(log =>
    {
        log.Begin();
        return log.Meta().Head;
    }, cancellationToken);

    public ValueTask<LogHead?> ReadAsync(long afterLsn, ulong digest, Action<IReadOnlyList<LogEntry>> take, CancellationToken cancellationToken = default) =>
        LookAsync(log => LogDiff.Read(log, afterLsn, digest, take, cancellationToken), cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async ValueTask<LogHead?> LookAsync(Func<LogConnection, LogHead> look, CancellationToken cancellationToken)
    {
        try
        {
            return await Task.Run<LogHead?>(() =>
            {
                if (!File.Exists(file))
                    return null;
                using LogConnection log = new(shard, file, write: false);
                // The last to close would otherwise copy the write-ahead log, which is for the writer to do.
                SQLitePCL.raw.sqlite3_db_config(log.Connection.Handle, NoCheckpointOnClose, 1, out _);
                return look(log);
            }, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (SqliteErrors.Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            if (!File.Exists(file))
                return null;
            throw translated;
        }
    }
}

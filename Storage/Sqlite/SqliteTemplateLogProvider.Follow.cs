namespace FaceSearch.Storage.Sqlite;

/// <summary>Reads beside the writer: a connection a call, so that a log that was deleted or made anew is never mistaken for the one before.</summary>
public sealed partial class SqliteTemplateLogProvider
{
    private const int FollowedAtOnce = 1024, NoCheckpointOnClose = 1006;

    public bool CanFollow => true;

    public ValueTask<LogHead?> PeekAsync(ShardId shard, CancellationToken cancellationToken = default) => LookAsync(shard, log =>
    {
        log.Begin();
        return log.Meta().Head;
    }, cancellationToken);

    public ValueTask<LogHead?> FollowAsync(ShardId shard, long afterLsn, ulong digest, Action<IReadOnlyList<LogEntry>> take, CancellationToken cancellationToken = default) =>
        LookAsync(shard, log =>
        {
            using LogDiff diff = new(log, afterLsn, digest);
            while (diff.Next(FollowedAtOnce) is { Count: > 0 } chunk)
            {
                cancellationToken.ThrowIfCancellationRequested();
                take(chunk);
            }
            return diff.Head;
        }, cancellationToken);

    private async ValueTask<LogHead?> LookAsync(ShardId shard, Func<LogConnection, LogHead> look, CancellationToken cancellationToken)
    {
        string file = Path.Combine(data.ShardLog(shard), LogFile.Database);
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

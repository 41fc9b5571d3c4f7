using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>Reads a log's tables beside its writer; the log is looked up by its shard each time, for it may have been deleted and made anew.</summary>
internal sealed class PostgresLogFollower(PostgresDatabase database, ShardId shard) : ILogFollower
{
    private const int ChunkLength = 1024;

    public async ValueTask<LogHead?> PeekAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await using NpgsqlCommand command = database.Source.CreateCommand(
                $"SELECT {RowReader.MetaColumns} FROM template_logs WHERE gallery = $1 AND generation = $2 AND shard = $3");
            foreach (object value in (object[])[shard.Gallery, (long)shard.Generation, (long)shard.Shard])
                command.Parameters.Add(new() { Value = value });
            await using NpgsqlDataReader found = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            return await found.ReadAsync(cancellationToken).ConfigureAwait(false) ? new RowReader(shard, new RowHasher()).Meta(found).Head : null;
        }
        catch (Exception e) when (PostgresErrors.Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    public async ValueTask<LogHead?> ReadAsync(long afterLsn, ulong digest, Action<IReadOnlyList<LogEntry>> take, CancellationToken cancellationToken = default)
    {
        if (await FindAsync(cancellationToken).ConfigureAwait(false) is not { } key)
            return null;
        try
        {
            LogView view = await LogView.OpenAsync(database, new LogTables(key), shard, cancellationToken).ConfigureAwait(false);
            await using (view.ConfigureAwait(false))
            {
                PostgresDiff diff = await PostgresDiff.BeginAsync(view, afterLsn, digest, cancellationToken).ConfigureAwait(false);
                while (await diff.NextAsync(ChunkLength, cancellationToken).ConfigureAwait(false) is { Count: > 0 } chunk)
                    take(chunk);
                return diff.Head;
            }
        }
        catch (Exception e) when (PostgresErrors.Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            // Its tables may have been dropped between the two looks.
            if (translated is LogDamagedException && await FindAsync(cancellationToken).ConfigureAwait(false) != key)
                return null;
            throw translated;
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task<long?> FindAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            return await connection.ScalarAsync("SELECT key FROM template_logs WHERE gallery = $1 AND generation = $2 AND shard = $3", cancellationToken,
                shard.Gallery, (long)shard.Generation, (long)shard.Shard).ConfigureAwait(false) as long?;
        }
        catch (Exception e) when (PostgresErrors.Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }
}

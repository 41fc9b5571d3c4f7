using System.Runtime.CompilerServices;
using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Sqlite;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

public sealed partial class PostgresTemplateLogProvider : ILogArchive
{
    async Task<IReadOnlyList<ShardId>> ILogArchive.ListAsync(string? gallery, CancellationToken cancellationToken)
    {
        try
        {
            await using NpgsqlCommand command = database.Source.CreateCommand("SELECT gallery, generation, shard FROM template_logs WHERE $1 = '' OR gallery = $1 ORDER BY gallery, generation, shard");
            command.Parameters.Add(new() { Value = gallery ?? "" });
            await using NpgsqlDataReader r = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            List<ShardId> shards = [];
            while (await r.ReadAsync(cancellationToken).ConfigureAwait(false))
                shards.Add(new(r.GetString(0), checked((int)r.GetInt64(1)), checked((int)r.GetInt64(2))));
            return shards;
        }
        catch (Exception e) when (PostgresErrors.Translate("the template logs", e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    async IAsyncEnumerable<LogChunk> ILogArchive.ExportAsync(ShardId shard, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        LogView view = await GuardAsync(shard, () => ViewAsync(shard, cancellationToken)).ConfigureAwait(false);
        await using (view.ConfigureAwait(false))
        {
            IAsyncEnumerator<LogChunk> chunks = view.RowsAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (chunks.ConfigureAwait(false))
            {
                while (await GuardAsync(shard, () => chunks.MoveNextAsync().AsTask()).ConfigureAwait(false))
                    yield return chunks.Current;
            }
        }
    }

    Task ILogArchive.ImportAsync(MetaRow head, IAsyncEnumerable<LogChunk> rows, CancellationToken cancellationToken) => GuardAsync(head.Shard, async () =>
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        const string make = """
            INSERT INTO template_logs (gallery, generation, shard, epoch, lsn, identities, templates, tombstones, commits, outbox, pruned, digest, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING RETURNING key
            """;
        RowHasher hasher = new();
        if (await connection.ScalarAsync(make, cancellationToken, head.Shard.Gallery, (long)head.Shard.Generation, (long)head.Shard.Shard, head.Epoch, head.Lsn,
                head.Identities, head.Templates, head.Tombstones, head.Commits, head.Outbox, head.Pruned, (long)head.Digest, (long)head.Hash(hasher)).ConfigureAwait(false) is not long key)
            throw new BackupRefusedException($"Shard {head.Shard} has a log already.");
        await connection.ScalarAsync("SELECT set_config('idle_in_transaction_session_timeout', '0', true)", cancellationToken).ConfigureAwait(false);
        await connection.ScalarAsync("SELECT make_template_log($1)", cancellationToken, key).ConfigureAwait(false);
        LogTables tables = new(key);
        LogRowSets sets = new(hasher);
        await foreach (LogChunk chunk in rows.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            await (chunk switch
            {
                LogChunk.Identities c => sets.Identities.CopyAsync(connection, tables.Identities, c.Rows),
                LogChunk.Tombstones c => sets.Tombstones.CopyAsync(connection, tables.Tombstones, c.Rows),
                LogChunk.Templates c => sets.Templates.CopyAsync(connection, tables.Templates, c.Rows),
                LogChunk.Outbox c => sets.Outbox.CopyAsync(connection, tables.Outbox, c.Rows),
                LogChunk.Commits c => sets.Commits.CopyAsync(connection, tables.Commits, c.Rows),
                _ => Task.CompletedTask,
            }).ConfigureAwait(false);
        }
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return true;
    });

    private async Task<LogView> ViewAsync(ShardId shard, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        return await connection.ScalarAsync("SELECT key FROM template_logs WHERE gallery = $1 AND generation = $2 AND shard = $3", cancellationToken,
                shard.Gallery, (long)shard.Generation, (long)shard.Shard).ConfigureAwait(false) is long key
            ? await LogView.OpenAsync(database, new LogTables(key), shard, cancellationToken).ConfigureAwait(false)
            : throw new StorageUnavailableException($"Shard {shard} has no log any more.", null);
    }

    private static async Task<T> GuardAsync<T>(ShardId shard, Func<Task<T>> action)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresErrors.Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }
}

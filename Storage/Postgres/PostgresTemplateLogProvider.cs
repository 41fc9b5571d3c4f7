using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>Settings of <see cref="PostgresTemplateLogProvider"/>.</summary>
public sealed record PostgresTemplateLogOptions
{
    /// <summary>How long the id of an operation is remembered for idempotency. Default 30 days.</summary>
    public TimeSpan OperationRetention { get; init; } = TimeSpan.FromDays(30);
}

/// <summary>Template logs in one PostgreSQL database, for any number of processes: whoever opened a log last may write it.</summary>
public sealed partial class PostgresTemplateLogProvider(PostgresDatabase database, TimeProvider time, PostgresTemplateLogOptions? options = null) : ITemplateLogProvider
{
    private readonly PostgresTemplateLogOptions _options = options ?? new();

    public string Description => database.Warning is { } warning ? $"PostgreSQL {database.Place} (WARNING: {warning})" : $"PostgreSQL {database.Place}";

    public async ValueTask<ITemplateLog> OpenAsync(ShardId shard, CancellationToken cancellationToken = default)
    {
        Check(shard.Gallery);
        ArgumentOutOfRangeException.ThrowIfNegative(shard.Generation);
        ArgumentOutOfRangeException.ThrowIfNegative(shard.Shard);
        try
        {
            while (true)
            {
                LogTables tables = new(await FindOrMakeAsync(shard, cancellationToken).ConfigureAwait(false));
                if (await TakeOverAsync(tables, shard).ConfigureAwait(false) is { } opened)
                    return new PostgresTemplateLog(database, tables, opened, new PostgresCommitQueue(database, tables, opened, time, _options.OperationRetention));
            }
        }
        catch (Exception e) when (PostgresErrors.Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    public ILogFollower Follow(ShardId shard)
    {
        Check(shard.Gallery);
        return new PostgresLogFollower(database, shard);
    }

    public ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default) =>
        DeleteAsync(gallery, "SELECT key FROM template_logs WHERE gallery = $1", cancellationToken, gallery);

    public ValueTask DeleteGenerationAsync(string gallery, int generation, CancellationToken cancellationToken = default) =>
        DeleteAsync(gallery, "SELECT key FROM template_logs WHERE gallery = $1 AND generation = $2", cancellationToken, gallery, (long)generation);

    private static void Check(string gallery)
    {
        if (!Ids.IsGallery(gallery))
            throw new ArgumentException($"Not a gallery id: lower-case letters, digits, '-', '_' and '.', starting with a letter or digit, at most {Ids.MaxGallery}.", nameof(gallery));
    }

    /// <summary>The log's key; makes its row and tables in one transaction if there are none.</summary>
    private async Task<long> FindOrMakeAsync(ShardId shard, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        object[] id = [shard.Gallery, (long)shard.Generation, (long)shard.Shard];
        const string find = "SELECT key FROM template_logs WHERE gallery = $1 AND generation = $2 AND shard = $3";
        while (true)
        {
            if (await connection.ScalarAsync( find, cancellationToken, id).ConfigureAwait(false) is long found)
                return found;
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            const string make = "INSERT INTO template_logs (gallery, generation, shard, hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING key";
            if (await connection.ScalarAsync( make, cancellationToken, [.. id, (long)new MetaRow { Shard = shard }.Hash(new RowHasher())]).ConfigureAwait(false) is not long made)
                continue; // Another opener was first.
            await connection.ScalarAsync( "SELECT make_template_log($1)", cancellationToken, made).ConfigureAwait(false);
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            return made;
        }
    }

    /// <summary>Checks what is stored and raises the epoch, in one transaction; null if the log was deleted meanwhile.</summary>
    private async Task<MetaRow?> TakeOverAsync(LogTables tables, ShardId shard)
    {
        RowHasher hasher = new();
        RowReader rows = new(shard, hasher);
        await using LogTransaction transaction = await LogTransaction.BeginAsync(database, tables, shard, epoch: null, hasher).ConfigureAwait(false);
        MetaRow head;
        try
        {
            head = await transaction.LockAsync().ConfigureAwait(false);
        }
        catch (EpochFencedException)
        {
            return null;
        }
        if (head.Shard != shard)
            throw new LogDamagedException(shard, $"it belongs to shard {head.Shard}");
        if (head.Lsn > 0)
        {
            CommitRow last = await transaction.FirstAsync(LogTransaction.Command($"{tables.SelectCommits} WHERE lsn = $1", head.Lsn), rows.Commit).ConfigureAwait(false)
                ?? throw new LogDamagedException(shard, "its last commit row is missing");
            if (last.Digest != head.Digest)
                throw new LogDamagedException(shard, "its digest is not that of its last commit");
        }
        head = head with { Epoch = head.Epoch + 1 };
        await transaction.CommitAsync(head).ConfigureAwait(false);
        return head;
    }

    /// <summary>One transaction a log, so that a gallery of many shards does not exhaust the server's table of locks.</summary>
    private async ValueTask DeleteAsync(string gallery, string keys, CancellationToken cancellationToken, params object[] values)
    {
        Check(gallery);
        try
        {
            await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            while (await connection.ScalarAsync( $"{keys} LIMIT 1", cancellationToken, values).ConfigureAwait(false) is long key)
            {
                await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
                await connection.ScalarAsync( "DELETE FROM template_logs WHERE key = $1", cancellationToken, key).ConfigureAwait(false);
                await connection.ScalarAsync( "SELECT drop_template_log($1)", cancellationToken, key).ConfigureAwait(false);
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (PostgresErrors.Translate($"the deletion of gallery '{gallery}'", e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }
}

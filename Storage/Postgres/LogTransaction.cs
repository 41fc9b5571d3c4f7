using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;
using Npgsql;
using NpgsqlTypes;

namespace FaceSearch.Storage.Postgres;

/// <summary>
/// One transaction of a log's writer. Its first statement locks the log's row, so that no other opener can raise the epoch before it
/// ends, and compares the epoch: a fenced writer gets no further.
/// </summary>
internal sealed class LogTransaction : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;
    private readonly LogTables _tables;
    private readonly RowReader _rows;
    private readonly RowHasher _hasher;
    private readonly ShardId _shard;
    private readonly long? _epoch;

    private LogTransaction(NpgsqlConnection connection, NpgsqlTransaction transaction, LogTables tables, ShardId shard, long? epoch, RowHasher hasher) =>
        (_connection, _transaction, _tables, _shard, _epoch, _hasher, _rows) = (connection, transaction, tables, shard, epoch, hasher, new RowReader(shard, hasher));

    /// <summary>Whether COMMIT was sent: how the transaction ended is unknown until it was answered.</summary>
    public bool IsCommitting { get; private set; }

    /// <param name="database">Where.</param>
    /// <param name="tables">The log's tables.</param>
    /// <param name="shard">Whose log it is.</param>
    /// <param name="epoch">The epoch that must be stored; null: any.</param>
    /// <param name="hasher">For the rows' checksums.</param>
    public static async Task<LogTransaction> BeginAsync(PostgresDatabase database, LogTables tables, ShardId shard, long? epoch, RowHasher hasher)
    {
        NpgsqlConnection connection = await database.Source.OpenConnectionAsync().ConfigureAwait(false);
        try
        {
            return new LogTransaction(connection, await connection.BeginTransactionAsync().ConfigureAwait(false), tables, shard, epoch, hasher);
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Locks the log and returns its head.</summary>
    public async Task<MetaRow> LockAsync()
    {
        await using NpgsqlCommand command = new($"{LogTables.SelectMeta} FOR UPDATE", _connection) { Parameters = { new() { Value = _tables.Key } } };
        await using NpgsqlDataReader r = await command.ExecuteReaderAsync().ConfigureAwait(false);
        return await HeadAsync(r).ConfigureAwait(false);
    }

    /// <summary>Locks the log and reads what the changes need.</summary>
    /// <param name="changes">The changes.</param>
    /// <param name="forgetBefore">Operations before it may be forgotten.</param>
    public async Task<(MetaRow Head, StagedRows Rows)> PrepareAsync(IReadOnlyList<IdentityChange> changes, DateTimeOffset forgetBefore)
    {
        StagedRows rows = new(_shard, _hasher);
        string[] operations = [.. changes.Select(c => c.OperationId).Distinct()], names = [.. changes.Select(c => c.Identity).Distinct()];
        long[] added = [.. changes.SelectMany(c => c.Add).Select(t => t.Id.Value)];
        MetaRow head;
        List<long> members = [];
        bool prune;
        await using (NpgsqlBatch batch = new(_connection, _transaction))
        {
            batch.BatchCommands.Add(Command($"{LogTables.SelectMeta} FOR UPDATE", _tables.Key));
            batch.BatchCommands.Add(Command($"{_tables.SelectCommits} WHERE operation = ANY($1)", (object)operations));
            batch.BatchCommands.Add(Command($"{_tables.SelectIdentities} WHERE id = ANY($1)", (object)names));
            batch.BatchCommands.Add(Command($"SELECT id FROM {_tables.Templates} WHERE id = ANY($1) UNION ALL SELECT template FROM {_tables.Tombstones} WHERE template = ANY($1)", added));
            batch.BatchCommands.Add(Command($"SELECT at FROM {_tables.Commits} WHERE lsn > (SELECT pruned FROM template_logs WHERE key = $1) ORDER BY lsn LIMIT 1", _tables.Key));
            await using NpgsqlDataReader r = await batch.ExecuteReaderAsync().ConfigureAwait(false);
            head = await HeadAsync(r).ConfigureAwait(false);
            await EachAsync(r, () => rows.ReadOperation(_rows.Commit(r))).ConfigureAwait(false);
            await EachAsync(r, () =>
            {
                IdentityRow row = _rows.Identity(r);
                rows.Read(row);
                members.AddRange(row.MemberLsns);
            }).ConfigureAwait(false);
            await EachAsync(r, () => rows.ReadTaken(r.GetInt64(0))).ConfigureAwait(false);
            await r.NextResultAsync().ConfigureAwait(false);
            prune = await r.ReadAsync().ConfigureAwait(false) && r.GetInt64(0) < forgetBefore.UtcTicks;
        }
        long[] erased = [.. changes.Where(c => c.Erase).Select(c => (long)IdentityHash.Of(c.Identity)).Distinct()];
        if (members.Count > 0 || erased.Length > 0 || prune)
            await ReadMoreAsync(rows, [.. members], erased, prune ? 2 * changes.Count : 0, head.Pruned).ConfigureAwait(false);
        return (head, rows);
    }

    /// <summary>Writes the staged rows and the head, and commits.</summary>
    public async Task CommitAsync(StagedRows rows, MetaRow head)
    {
        LogRowSets sets = new(_hasher);
        List<(NpgsqlBatchCommand Command, int Rows)> replacing = [];
        if (rows.RemovedTemplates is { Count: > 0 } templates)
            replacing.Add((Command($"DELETE FROM {_tables.Templates} WHERE lsn = ANY($1)", templates.ToArray()), templates.Count));
        if (rows.DroppedIdentities is { Count: > 0 } dropped)
            replacing.Add((Command($"DELETE FROM {_tables.Identities} WHERE key = ANY($1)", dropped.ToArray()), dropped.Count));
        if (rows.ChangedIdentities is { Count: > 0 } changed)
            replacing.Add((sets.Identities.Update(_tables.Identities, changed), changed.Count));
        if (rows.RewrittenCommits is { Count: > 0 } rewritten)
            replacing.Add((sets.Commits.Update(_tables.Commits, rewritten), rewritten.Count));
        // What replaces comes before what is new: an identity that was erased may have been enrolled anew in the same batch.
        await using NpgsqlBatch batch = new(_connection, _transaction);
        replacing.ForEach(r => batch.BatchCommands.Add(r.Command));
        SaveHead(batch, head, rows.HasRemoved);
        NewRows[] added =
        [
            new NewRows<TemplateRow>(sets.Templates, _tables.Templates, rows.NewTemplates),
            new NewRows<IdentityRow>(sets.Identities, _tables.Identities, rows.NewIdentities),
            new NewRows<CommitRow>(sets.Commits, _tables.Commits, rows.NewCommits),
            new NewRows<TombstoneRow>(sets.Tombstones, _tables.Tombstones, rows.NewTombstones),
            new NewRows<OutboxRow>(sets.Outbox, _tables.Outbox, rows.NewOutbox),
        ];
        foreach (NewRows some in added.Where(a => a.Count > 0 && !a.IsMany))
            batch.BatchCommands.Add(some.Insert());
        await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
        if (replacing.Any(r => r.Command.RecordsAffected != r.Rows))
            throw new LogDamagedException(_shard, "rows that a change replaces are missing");
        foreach (NewRows many in added.Where(a => a.IsMany))
            await many.CopyAsync(_connection).ConfigureAwait(false);
        await CommitAsync().ConfigureAwait(false);
    }

    /// <summary>Writes the head alone, with more statements, and commits.</summary>
    public async Task CommitAsync(MetaRow head, params NpgsqlBatchCommand[] more)
    {
        await using NpgsqlBatch batch = new(_connection, _transaction);
        foreach (NpgsqlBatchCommand command in more)
            batch.BatchCommands.Add(command);
        SaveHead(batch, head, removed: false);
        await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
        await CommitAsync().ConfigureAwait(false);
    }

    /// <summary>Runs statements, without a time limit.</summary>
    public async Task RunAsync(params NpgsqlBatchCommand[] commands)
    {
        await using NpgsqlBatch batch = new(_connection, _transaction) { Timeout = 0 };
        foreach (NpgsqlBatchCommand command in commands)
            batch.BatchCommands.Add(command);
        await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    /// <summary>The first row of a query; null if there is none.</summary>
    public async Task<T?> FirstAsync<T>(NpgsqlBatchCommand query, Func<NpgsqlDataReader, T> read)
    {
        await using NpgsqlBatch batch = new(_connection, _transaction) { BatchCommands = { query } };
        await using NpgsqlDataReader r = await batch.ExecuteReaderAsync().ConfigureAwait(false);
        return await r.ReadAsync().ConfigureAwait(false) ? read(r) : default;
    }

    public async Task CommitAsync()
    {
        IsCommitting = true;
        await _transaction.CommitAsync().ConfigureAwait(false);
        IsCommitting = false;
    }

    /// <summary>Without a commit before it, nothing was written.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _transaction.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresErrors.IsOfTheServer(e))
        {
            // The server ends a transaction whose connection is lost.
        }
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    public static NpgsqlBatchCommand Command(string sql, params object[] values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (object value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    private async Task<MetaRow> HeadAsync(NpgsqlDataReader r)
    {
        if (!await r.ReadAsync().ConfigureAwait(false))
            throw new EpochFencedException(_shard, _epoch ?? 0);
        MetaRow head = _rows.Meta(r);
        return _epoch is not { } mine || head.Epoch == mine ? head : throw new EpochFencedException(_shard, mine);
    }

    private async Task ReadMoreAsync(StagedRows rows, long[] members, long[] erased, int old, long pruned)
    {
        await using NpgsqlBatch batch = new(_connection, _transaction);
        batch.BatchCommands.Add(Command($"{_tables.SelectTemplates} WHERE lsn = ANY($1)", members));
        batch.BatchCommands.Add(Command($"{_tables.SelectCommits} WHERE identity = ANY($1)", erased));
        batch.BatchCommands.Add(Command($"{_tables.SelectCommits} WHERE lsn > $1 ORDER BY lsn LIMIT $2", pruned, (long)old));
        await using NpgsqlDataReader r = await batch.ExecuteReaderAsync().ConfigureAwait(false);
        while (await r.ReadAsync().ConfigureAwait(false))
            rows.Read(_rows.Template(r));
        await EachAsync(r, () => rows.ReadHistory(_rows.Commit(r))).ConfigureAwait(false);
        await EachAsync(r, () => rows.ReadOld(_rows.Commit(r))).ConfigureAwait(false);
    }

    private void SaveHead(NpgsqlBatch batch, MetaRow head, bool removed) => batch.BatchCommands.Add(Command("""
        UPDATE template_logs SET epoch = $2, lsn = $3, identities = $4, templates = $5, tombstones = $6, commits = $7, outbox = $8,
            pruned = $9, digest = $10, hash = $11, dead_people = dead_people OR $12 WHERE key = $1
        """,
        _tables.Key, head.Epoch, head.Lsn, head.Identities, head.Templates, head.Tombstones, head.Commits, head.Outbox, head.Pruned, (long)head.Digest,
        (long)head.Hash(_hasher), removed));

    private static async Task EachAsync(NpgsqlDataReader r, Action read)
    {
        await r.NextResultAsync().ConfigureAwait(false);
        while (await r.ReadAsync().ConfigureAwait(false))
            read();
    }
}

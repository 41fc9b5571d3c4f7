using System.Runtime.CompilerServices;
using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Logs;
using FaceSearch.Storage.Sqlite;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>One consistent view of a log: a read-only transaction that sees one commit and holds up none (only a scrub waits for it).</summary>
internal sealed class LogView : IAsyncDisposable
{
    private const int PageLength = 2048;
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;
    private readonly LogTables _tables;
    private readonly RowReader _rows;

    private LogView(NpgsqlConnection connection, NpgsqlTransaction transaction, LogTables tables, ShardId shard)
    {
        (_connection, _transaction, _tables) = (connection, transaction, tables);
        _rows = new RowReader(shard, Hasher);
        Shard = shard;
    }

    public ShardId Shard { get; }

    public RowHasher Hasher { get; } = new();

    public LogTables Tables => _tables;

    public RowReader Rows => _rows;

    public static async Task<LogView> OpenAsync(PostgresDatabase database, LogTables tables, ShardId shard, CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            NpgsqlTransaction transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
            await using NpgsqlBatch begin = new(connection, transaction) { Timeout = 0 };
            begin.BatchCommands.Add(new NpgsqlBatchCommand("SET TRANSACTION READ ONLY"));
            // Whoever reads may take its time between two pages; but a process that is frozen there must not hold up the shard's next
            // owner for ever: a rewrite waits for this lock, and commits for the rewrite.
            begin.BatchCommands.Add(new NpgsqlBatchCommand("SET LOCAL idle_in_transaction_session_timeout = '60s'"));
            begin.BatchCommands.Add(new NpgsqlBatchCommand(tables.LockForReading));
            await begin.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            return new LogView(connection, transaction, tables, shard);
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The head; null if the log was deleted.</summary>
    public async Task<MetaRow> MetaAsync(CancellationToken cancellationToken) =>
        (await ListAsync(LogTables.SelectMeta, _rows.Meta, cancellationToken, _tables.Key).ConfigureAwait(false)) is [var head] ? head : throw Damaged("its head row is missing");

    public async Task<CommitRow?> CommitAtAsync(long lsn, CancellationToken cancellationToken) =>
        (await ListAsync($"{_tables.SelectCommits} WHERE lsn = $1", _rows.Commit, cancellationToken, lsn).ConfigureAwait(false)).FirstOrDefault();

    /// <summary>Rows of a query.</summary>
    public async Task<List<T>> ListAsync<T>(string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] values)
    {
        await using NpgsqlBatch batch = new(_connection, _transaction) { BatchCommands = { LogTransaction.Command(sql, values) } };
        await using NpgsqlDataReader r = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        List<T> rows = [];
        while (await r.ReadAsync(cancellationToken).ConfigureAwait(false))
            rows.Add(read(r));
        return rows;
    }

    /// <summary>The next rows of a table in the order of a number column, after a number.</summary>
    public Task<List<T>> PageAsync<T>(string select, string column, Func<NpgsqlDataReader, T> read, long after, CancellationToken cancellationToken) =>
        ListAsync($"{select} WHERE {column} > $1 ORDER BY {column} LIMIT {PageLength}", read, cancellationToken, after);

    /// <summary>Identities with their templates, oldest first.</summary>
    public async Task<List<StoredIdentity>> DescribeAsync(List<IdentityRow> identities, CancellationToken cancellationToken)
    {
        long[] members = [.. identities.SelectMany(i => i.MemberLsns.ToArray())];
        Dictionary<long, TemplateRow> templates = (await ListAsync($"{_tables.SelectTemplates} WHERE lsn = ANY($1)", _rows.Template, cancellationToken, members).ConfigureAwait(false))
            .ToDictionary(t => t.Lsn);
        return [.. identities.Select(i => RowReader.Describe(Shard, i, i.MemberLsns.ToArray().Select(lsn => Member(i, lsn))))];

        TemplateRow Member(IdentityRow identity, long lsn) => !templates.TryGetValue(lsn, out TemplateRow row) ? throw Damaged($"template row {lsn} is missing")
            : row.Identity != identity.Key ? throw Damaged($"template row {lsn} is not of the identity that names it")
            : row;
    }

    /// <summary>Reads every row and proves the whole.</summary>
    public async Task<LogHead> VerifyAsync(CancellationToken cancellationToken)
    {
        LogTally tally = new(await MetaAsync(cancellationToken).ConfigureAwait(false), Hasher);
        await EachAsync(_tables.SelectIdentities, "key", _rows.Identity, r => r.Key, tally.Add, cancellationToken).ConfigureAwait(false);
        await EachAsync(_tables.SelectTemplates, "lsn", _rows.Template, r => r.Lsn, tally.Add, cancellationToken).ConfigureAwait(false);
        await EachAsync(_tables.SelectTombstones, "lsn", _rows.Tombstone, r => r.Lsn, tally.Add, cancellationToken).ConfigureAwait(false);
        await EachAsync(_tables.SelectOutbox, "lsn", _rows.Outbox, r => r.Lsn, tally.Add, cancellationToken).ConfigureAwait(false);
        await EachAsync(_tables.SelectCommits, "lsn", _rows.Commit, r => r.Lsn, tally.Add, cancellationToken).ConfigureAwait(false);
        return tally.Prove();
    }

    /// <summary>All rows, for a copy of the log.</summary>
    public async IAsyncEnumerable<LogChunk> RowsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new LogChunk.Head(await MetaAsync(cancellationToken).ConfigureAwait(false));
        await foreach (List<IdentityRow> page in PagesAsync(_tables.SelectIdentities, "key", _rows.Identity, r => r.Key, cancellationToken).ConfigureAwait(false))
            yield return new LogChunk.Identities(page);
        List<TombstoneRow> tombstones = await ListAsync($"{_tables.SelectTombstones} ORDER BY added", _rows.Tombstone, cancellationToken).ConfigureAwait(false);
        foreach (TombstoneRow[] page in tombstones.Chunk(PageLength))
            yield return new LogChunk.Tombstones(page);
        await foreach (List<TemplateRow> page in PagesAsync(_tables.SelectTemplates, "lsn", _rows.Template, r => r.Lsn, cancellationToken).ConfigureAwait(false))
            yield return new LogChunk.Templates(page);
        await foreach (List<OutboxRow> page in PagesAsync(_tables.SelectOutbox, "lsn", _rows.Outbox, r => r.Lsn, cancellationToken).ConfigureAwait(false))
            yield return new LogChunk.Outbox(page);
        await foreach (List<CommitRow> page in PagesAsync(_tables.SelectCommits, "lsn", _rows.Commit, r => r.Lsn, cancellationToken).ConfigureAwait(false))
            yield return new LogChunk.Commits(page);
    }

    public LogDamagedException Damaged(string what) => new(Shard, what);

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _transaction.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresErrors.IsOfTheServer(e))
        {
            // It read, and reads no more.
        }
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private async Task EachAsync<T>(string select, string column, Func<NpgsqlDataReader, T> read, Func<T, long> number, Action<T> visit, CancellationToken cancellationToken)
    {
        await foreach (List<T> page in PagesAsync(select, column, read, number, cancellationToken).ConfigureAwait(false))
            page.ForEach(visit);
    }

    private async IAsyncEnumerable<List<T>> PagesAsync<T>(string select, string column, Func<NpgsqlDataReader, T> read, Func<T, long> number,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long after = 0;
        while (await PageAsync(select, column, read, after, cancellationToken).ConfigureAwait(false) is { Count: > 0 } page)
        {
            yield return page;
            after = number(page[^1]);
        }
    }
}

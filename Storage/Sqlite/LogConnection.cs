using FaceSearch.Storage.Logs;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// One SQLite connection to a log with its prepared reads. Every row is compared with its checksum; a lookup by name
/// that finds nothing is repeated in a second index, so that one damaged index page cannot hide a row. Not thread-safe.
/// </summary>
internal class LogConnection : IDisposable
{
    private const string IdentityColumns = RowReader.IdentityColumns;
    private const string CommitColumns = RowReader.CommitColumns;
    private readonly RowReader _rows;
    private readonly List<Statement> _statements = [];
    private readonly Statement _begin, _commit, _rollback, _meta, _identityByName, _keyByTwin, _identityByKey, _template, _operation, _operationByTwin, _commitAt, _list, _listTwin, _outbox;

    public LogConnection(ShardId shard, string file, bool write)
    {
        Shard = shard;
        _rows = new RowReader(shard, Hasher);
        Connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Mode = SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = 30,
        }.ToString());
        try
        {
            Connection.Open();
            Pragmas(write);
        }
        catch
        {
            Connection.Dispose();
            throw;
        }
        _begin = Prepare(write ? "BEGIN IMMEDIATE" : "BEGIN");
        _commit = Prepare("COMMIT");
        _rollback = Prepare("ROLLBACK");
        _meta = Prepare($"SELECT {RowReader.MetaColumns} FROM meta WHERE one = 1");
        _identityByName = Prepare($"SELECT {IdentityColumns} FROM identities INDEXED BY identities_by_id WHERE id = @0", 1);
        _keyByTwin = Prepare("SELECT key FROM identities INDEXED BY identities_by_id_twin WHERE id = @0", 1);
        _identityByKey = Prepare($"SELECT {IdentityColumns} FROM identities WHERE key = @0", 1);
        _template = Prepare($"{SelectTemplates} WHERE lsn = @0", 1);
        _operation = Prepare($"SELECT {CommitColumns} FROM commits INDEXED BY commits_by_operation WHERE operation = @0", 1);
        _operationByTwin = Prepare("SELECT lsn FROM commits INDEXED BY commits_by_identity WHERE identity = @0 AND operation = @1", 2);
        _commitAt = Prepare($"SELECT {CommitColumns} FROM commits WHERE lsn = @0", 1);
        _list = Prepare($"{SelectIdentities} INDEXED BY identities_by_id WHERE id > @0 ORDER BY id LIMIT @1", 2);
        _listTwin = Prepare("SELECT key FROM identities INDEXED BY identities_by_id_twin WHERE id > @0 ORDER BY id LIMIT @1", 2);
        _outbox = Prepare($"{SelectOutbox} ORDER BY lsn LIMIT @0", 1);
    }

    public ShardId Shard { get; }

    public SqliteConnection Connection { get; }

    public RowHasher Hasher { get; } = new();

    public bool InTransaction => SQLitePCL.raw.sqlite3_get_autocommit(Connection.Handle) == 0;

    public void Begin() => _begin.Run();

    public void Commit() => _commit.Run();

    /// <summary>Ends an open transaction, if there is one, without its changes.</summary>
    public void Rollback()
    {
        if (InTransaction)
            _rollback.Run();
    }

    public MetaRow Meta()
    {
        using SqliteDataReader r = _meta.Query();
        if (!r.Read())
            throw Damaged("its head row is missing");
        return _rows.Meta(r);
    }

    public IdentityRow? FindIdentity(string id)
    {
        using (SqliteDataReader r = _identityByName.Query(id))
        {
            if (r.Read())
            {
                IdentityRow row = ReadIdentity(r);
                return row.Id == id ? row : throw Damaged("an index leads to another identity");
            }
        }
        using SqliteDataReader twin = _keyByTwin.Query(id);
        return twin.Read() ? throw Damaged("an identity is missing from an index") : null;
    }

    public IdentityRow IdentityByKey(long key)
    {
        using SqliteDataReader r = _identityByKey.Query(key);
        return r.Read() ? ReadIdentity(r) : throw Damaged($"identity row {key} is missing");
    }

    /// <summary>The live templates of an identity, oldest first.</summary>
    public List<TemplateRow> Members(IdentityRow identity)
    {
        var rows = new List<TemplateRow>(identity.MemberLsns.Length);
        foreach (long lsn in identity.MemberLsns)
        {
            using SqliteDataReader r = _template.Query(lsn);
            if (!r.Read())
                throw Damaged($"template row {lsn} is missing");
            TemplateRow row = ReadTemplate(r);
            if (!row.IsLive || row.Identity != identity.Key)
                throw Damaged($"template row {lsn} is not of the identity that names it");
            rows.Add(row);
        }
        return rows;
    }

    /// <summary>The commit that carried an operation id, looked up by the id and, failing that, by the identity and the id.</summary>
    public CommitRow? FindOperation(string operation, ulong identity)
    {
        using (SqliteDataReader r = _operation.Query(operation))
        {
            if (r.Read())
            {
                CommitRow row = ReadCommit(r);
                return row.Operation == operation ? row : throw Damaged("an index leads to another operation");
            }
        }
        using SqliteDataReader twin = _operationByTwin.Query((long)identity, operation);
        return twin.Read() ? throw Damaged("an operation is missing from an index") : null;
    }

    /// <summary>Identities after an id in ordinal order, read through one index and compared with its twin.</summary>
    public List<IdentityRow> ListIdentities(string after, int limit)
    {
        var rows = new List<IdentityRow>();
        using (SqliteDataReader r = _list.Query(after, limit))
        {
            while (r.Read())
                rows.Add(ReadIdentity(r));
        }
        int i = 0;
        using SqliteDataReader twin = _listTwin.Query(after, limit);
        for (; twin.Read(); i++)
        {
            if (i >= rows.Count || rows[i].Key != twin.GetInt64(0))
                throw Damaged("two indexes of the identities do not agree");
        }
        return i == rows.Count ? rows : throw Damaged("two indexes of the identities do not agree");
    }

    /// <summary>The oldest events.</summary>
    public List<OutboxRow> Outbox(int limit)
    {
        var rows = new List<OutboxRow>();
        using SqliteDataReader r = _outbox.Query(limit);
        while (r.Read())
            rows.Add(ReadOutbox(r));
        return rows;
    }

    public CommitRow? CommitAt(long lsn)
    {
        using SqliteDataReader r = _commitAt.Query(lsn);
        return r.Read() ? ReadCommit(r) : null;
    }

    public StoredIdentity Describe(IdentityRow row, IEnumerable<TemplateRow> members) => RowReader.Describe(Shard, row, members);

    public IdentityRow ReadIdentity(SqliteDataReader r) => _rows.Identity(r);

    public TemplateRow ReadTemplate(SqliteDataReader r) => _rows.Template(r);

    public CommitRow ReadCommit(SqliteDataReader r) => _rows.Commit(r);

    public TombstoneRow ReadTombstone(SqliteDataReader r) => _rows.Tombstone(r);

    public OutboxRow ReadOutbox(SqliteDataReader r) => _rows.Outbox(r);

    public List<TombstoneRow> Tombstones()
    {
        using Statement all = new(Connection, $"{SelectTombstones} ORDER BY lsn", 0);
        using SqliteDataReader r = all.Query();
        List<TombstoneRow> rows = [];
        while (r.Read())
            rows.Add(ReadTombstone(r));
        return rows;
    }

    public const string SelectIdentities = $"SELECT {IdentityColumns} FROM identities";
    public const string SelectTemplates = $"SELECT {RowReader.TemplateColumns} FROM templates";
    public const string SelectCommits = $"SELECT {CommitColumns} FROM commits";
    public const string SelectTombstones = $"SELECT {RowReader.TombstoneColumns} FROM tombstones";
    public const string SelectOutbox = $"SELECT {RowReader.OutboxColumns} FROM outbox";

    /// <summary>SQLite waits for a lock a few milliseconds at a time, where the package would sleep for 150.</summary>
    public const string Patience = "PRAGMA busy_timeout=30000";

    public LogDamagedException Damaged(string what) => new(Shard, what);

    /// <summary>A statement that lives as long as the connection.</summary>
    public Statement Prepare(string sql, int parameters = 0)
    {
        var statement = new Statement(Connection, sql, parameters);
        _statements.Add(statement);
        return statement;
    }

    public void Execute(string sql)
    {
        using var once = new Statement(Connection, sql, 0);
        once.Run();
    }

    /// <summary>First column of the first row.</summary>
    public object? Scalar(string sql)
    {
        using var once = new Statement(Connection, sql, 0);
        using SqliteDataReader r = once.Query();
        return r.Read() ? r.GetValue(0) : null;
    }

    public void Dispose()
    {
        foreach (Statement statement in _statements)
            statement.Dispose();
        Connection.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Pragmas(bool write)
    {
        Execute(Patience);
        Execute("PRAGMA cell_size_check=ON");
        Execute("PRAGMA trusted_schema=OFF");
        Execute("PRAGMA foreign_keys=OFF");
        Execute("PRAGMA temp_store=MEMORY"); // No spill file ever holds an embedding.
        if (!write)
        {
            Execute("PRAGMA query_only=ON");
            return;
        }
        Execute("PRAGMA synchronous=FULL");
        Execute("PRAGMA secure_delete=ON");
        Execute("PRAGMA cache_spill=OFF");
        Execute("PRAGMA cache_size=-16384");
        Execute("PRAGMA wal_autocheckpoint=0"); // The writer does it itself: SQLite would swallow a failed flush.
    }
}

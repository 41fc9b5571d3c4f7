using System.Security.Cryptography;
using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Files;
using Microsoft.Data.Sqlite;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace FaceSearch.Storage.Sqlite;

/// <summary>
/// Orleans grain state in one SQLite file: small records, one row a state, durable when a write returns. Clearing deletes
/// the row and overwrites its bytes. Every row carries a checksum; the whole file is checked when it is opened. What fails becomes the problem
/// that callers of a grain see: <c>storage-full</c> for a full disk, else <c>shard-unavailable</c>.
/// </summary>
public sealed class SqliteGrainStorage : IGrainStorage, IGrainStateList, IDisposable
{
    private const int ApplicationId = 0x46536773; // "FSgs"
    private const string Schema = "CREATE TABLE IF NOT EXISTS grains (grain TEXT NOT NULL, state TEXT NOT NULL, etag TEXT NOT NULL, body BLOB NOT NULL, "
        + "hash INTEGER NOT NULL, PRIMARY KEY (grain, state)) WITHOUT ROWID";
    private readonly IGrainStorageSerializer _serializer;
    private readonly IActivatorProvider _activators;
    private const int WritesPerCheckpoint = 64;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly RowHasher _hasher = new();
    private readonly SqliteConnection _connection;
    private readonly Statement _read, _write, _delete;
    private bool _failed;
    private int _writes;

    /// <summary>Opens (creating it at need) and checks the file.</summary>
    /// <exception cref="GrainStorageDamagedException">Its content contradicts its checksums.</exception>
    public SqliteGrainStorage(DataFolder data, IGrainStorageSerializer serializer, IActivatorProvider activators)
    {
        (_serializer, _activators) = (serializer, activators);
        DurableFolder.Create(data.Root);
        if (WalFile.Inspect(data.GrainStorage + "-wal").Damage is { } damage)
            throw new GrainStorageDamagedException(damage);
        bool isNew = !File.Exists(data.GrainStorage);
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = data.GrainStorage, Pooling = false }.ToString());
        try
        {
            _connection.Open();
            Prepare(isNew);
            _read = new(_connection, "SELECT etag, body, hash FROM grains WHERE grain = @0 AND state = @1", 2);
            _write = new(_connection, "REPLACE INTO grains VALUES (@0, @1, @2, @3, @4)", 5);
            _delete = new(_connection, "DELETE FROM grains WHERE grain = @0 AND state = @1", 2);
            if (isNew)
                DurableFolder.Flush(data.Root);
            else
                CheckAll();
        }
        catch (SqliteException e)
        {
            _connection.Dispose();
            throw e.IsDamage() ? new GrainStorageDamagedException(SqliteErrors.Code(e), e) : new StorageUnavailableException($"{data.GrainStorage} cannot be opened.", e);
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => TurnAsync(() =>
    {
        (string ETag, byte[] Body)? stored = Find(grainId.ToString(), stateName);
        grainState.ETag = stored?.ETag;
        grainState.RecordExists = stored is not null;
        grainState.State = stored is null ? _activators.GetActivator<T>().Create() : _serializer.Deserialize<T>(new BinaryData(stored.Value.Body));
    });

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => TurnAsync(() =>
    {
        string grain = grainId.ToString(), etag = RandomNumberGenerator.GetHexString(16, lowercase: true);
        byte[] body = _serializer.Serialize(grainState.State).ToArray();
        CompareAndSet(grain, stateName, grainState.ETag, () => _write.Run(grain, stateName, etag, body, (long)Hash(grain, stateName, etag, body)));
        grainState.ETag = etag;
        grainState.RecordExists = true;
        if (++_writes % WritesPerCheckpoint == 0)
            CheckpointIfThereIsRoom();
    });

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => TurnAsync(() =>
    {
        string grain = grainId.ToString();
        CompareAndSet(grain, stateName, grainState.ETag, () => _delete.Run(grain, stateName));
        Checkpoint(); // Nothing of it stays in the write-ahead log either.
        grainState.ETag = null;
        grainState.RecordExists = false;
        grainState.State = _activators.GetActivator<T>().Create();
    });

    public async Task<IReadOnlyList<GrainStateName>> ListAsync(IReadOnlyDictionary<string, GrainType> types, CancellationToken cancellationToken = default)
    {
        List<GrainStateName> found = [];
        await TurnAsync(() =>
        {
            using Statement all = new(_connection, "SELECT state, grain FROM grains ORDER BY state, grain", 0);
            using SqliteDataReader r = all.Query();
            while (r.Read())
                found.Add(new(r.GetString(0), GrainId.Parse(r.GetString(1), null)));
        }).ConfigureAwait(false);
        return found;
    }

    public void Dispose()
    {
        _read.Dispose();
        _write.Dispose();
        _delete.Dispose();
        _connection.Dispose();
        _turn.Dispose();
    }

    private async Task TurnAsync(Action action)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_failed)
                throw GrainStateProblems.Unavailable("A write to the grain storage failed; the process must be restarted before it accepts changes.");
            await Task.Run(action).ConfigureAwait(false);
        }
        catch (SqliteException e) when (e.IsFull())
        {
            throw GrainStateProblems.Full("There is no space left for the grain storage. Free some space; nothing needs restarting.");
        }
        catch (SqliteException e)
        {
            _failed = true; // What was flushed is unknown now: nothing may be acknowledged any more.
            throw GrainStateProblems.Unavailable($"The grain storage failed: SQLite reports {SqliteErrors.Code(e)}.");
        }
        finally
        {
            _turn.Release();
        }
    }

    private void Checkpoint() => Execute("PRAGMA wal_checkpoint(TRUNCATE)");

    /// <summary>The write is durable already; a later one tries again.</summary>
    private void CheckpointIfThereIsRoom()
    {
        try
        {
            Checkpoint();
        }
        catch (SqliteException e) when (e.IsFull())
        {
        }
    }

    private void CompareAndSet(string grain, string state, string? expected, Action change)
    {
        Execute("BEGIN IMMEDIATE");
        try
        {
            string? stored = Find(grain, state)?.ETag;
            if (stored != expected)
                throw new InconsistentStateException($"State '{state}' of grain {grain} was changed by another activation.", stored, expected);
            change();
            Execute("COMMIT");
        }
        catch
        {
            if (SQLitePCL.raw.sqlite3_get_autocommit(_connection.Handle) == 0)
                Execute("ROLLBACK");
            throw;
        }
    }

    private (string ETag, byte[] Body)? Find(string grain, string state)
    {
        using SqliteDataReader r = _read.Query(grain, state);
        if (!r.Read())
            return null;
        (string etag, byte[] body) = (r.GetString(0), r.GetFieldValue<byte[]>(1));
        return Hash(grain, state, etag, body) == (ulong)r.GetInt64(2) ? (etag, body) : throw new GrainStorageDamagedException($"state '{state}' of grain {grain}");
    }

    private ulong Hash(string grain, string state, string etag, byte[] body) => _hasher.Start((byte)'G').Add(grain).Add(state).Add(etag).Add(body).End();

    private void Prepare(bool isNew)
    {
        if (isNew)
        {
            Execute($"PRAGMA page_size={LogSchema.PageSize}");
            Execute($"PRAGMA application_id={ApplicationId}");
        }
        Execute("PRAGMA journal_mode=WAL");
        Execute("PRAGMA synchronous=FULL");
        Execute("PRAGMA secure_delete=ON");
        Execute("PRAGMA wal_autocheckpoint=0"); // SQLite would swallow a failed flush.
        Execute("PRAGMA temp_store=MEMORY");
        Execute("PRAGMA cell_size_check=ON");
        Execute(Schema);
    }

    private void CheckAll()
    {
        using var check = new Statement(_connection, "PRAGMA integrity_check(1)", 0);
        using (SqliteDataReader r = check.Query())
        {
            if (!r.Read() || r.GetString(0) != "ok")
                throw new GrainStorageDamagedException("SQLite's integrity check failed");
        }
        using var all = new Statement(_connection, "SELECT grain, state, etag, body, hash FROM grains", 0);
        using SqliteDataReader row = all.Query();
        while (row.Read())
        {
            if (Hash(row.GetString(0), row.GetString(1), row.GetString(2), row.GetFieldValue<byte[]>(3)) != (ulong)row.GetInt64(4))
                throw new GrainStorageDamagedException("a row contradicts its checksum");
        }
    }

    private void Execute(string sql)
    {
        using var statement = new Statement(_connection, sql, 0);
        statement.Run();
    }
}

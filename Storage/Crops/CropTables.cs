using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Crops;

/// <summary>
/// One gallery's <c>crops.db</c>. Rows of <c>people</c> and <c>keys</c> have a fixed length, are never deleted and are overwritten in
/// place with zeros, so that SQLite never moves one and no page keeps a stale copy of a key (docs/log-format.md says the same of
/// embeddings). What may remain of an image in unallocated space of a page is then unreadable. Not thread-safe.
/// </summary>
internal sealed class CropTables : ICropTables
{
    private const int ApplicationId = 0x46536372; // "FScr"

    /// <summary>Rows of keys, and images, in one page of a copy.</summary>
    private const int SmallRows = 4096, Images = 16;

    private static readonly TimeSpan ScrubPatience = TimeSpan.FromSeconds(30);

    private static readonly string[] Schema =
    [
        "CREATE TABLE IF NOT EXISTS people (key INTEGER PRIMARY KEY, person BLOB NOT NULL, wrapped BLOB NOT NULL)",
        "CREATE INDEX IF NOT EXISTS people_by_person ON people (person)",
        "CREATE TABLE IF NOT EXISTS keys (key INTEGER PRIMARY KEY, template INTEGER NOT NULL, person INTEGER NOT NULL, live INTEGER NOT NULL, wrapped BLOB NOT NULL)",
        "CREATE UNIQUE INDEX IF NOT EXISTS keys_by_template ON keys (template)",
        "CREATE INDEX IF NOT EXISTS keys_by_person ON keys (person, live)",
        "CREATE TABLE IF NOT EXISTS images (key INTEGER PRIMARY KEY, template INTEGER NOT NULL, kind INTEGER NOT NULL, body BLOB NOT NULL)",
        "CREATE UNIQUE INDEX IF NOT EXISTS images_by_template ON images (template, kind)",
    ];

    private readonly string _gallery;
    private readonly SqliteConnection _connection;
    private readonly List<Statement> _statements = [];
    private readonly Statement _begin, _commit, _rollback, _findPerson, _putPerson, _endPerson, _findKey, _putKey, _endKey, _liveKeys, _putImage, _dropImages, _has, _read;

    public CropTables(string gallery, string folder, bool toRead)
    {
        _gallery = gallery;
        bool isNew = !toRead && !Directory.Exists(folder);
        if (!toRead)
            DurableFolder.Create(folder);
        string file = Path.Combine(folder, "crops.db");
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false, Mode = toRead ? SqliteOpenMode.ReadWrite : SqliteOpenMode.ReadWriteCreate }.ToString());
        try
        {
            _connection.Open();
            foreach (string sql in toRead ? [] : (IEnumerable<string>)[$"PRAGMA page_size={LogSchema.PageSize}", $"PRAGMA application_id={ApplicationId}",
                "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA secure_delete=ON", "PRAGMA wal_autocheckpoint=0", "PRAGMA temp_store=MEMORY",
                "PRAGMA cell_size_check=ON", .. Schema])
                Execute(sql);
            // After a failed flush its pages may be in memory only: whatever the write-ahead log holds is copied and flushed anew.
            if (!toRead)
                Checkpoint();
            if (isNew)
                DurableFolder.Flush(folder);
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
        _begin = Prepare("BEGIN IMMEDIATE", 0);
        _commit = Prepare("COMMIT", 0);
        _rollback = Prepare("ROLLBACK", 0);
        _findPerson = Prepare("SELECT key, wrapped FROM people WHERE person = @0", 1);
        _putPerson = Prepare("INSERT INTO people (person, wrapped) VALUES (@0, @1)", 2);
        _endPerson = Prepare("UPDATE people SET person = zeroblob(32), wrapped = zeroblob(60) WHERE key = @0", 1);
        _findKey = Prepare("SELECT person, live, wrapped FROM keys WHERE template = @0", 1);
        _putKey = Prepare("INSERT INTO keys (template, person, live, wrapped) VALUES (@0, @1, 1, @2)", 3);
        _endKey = Prepare("UPDATE keys SET live = 0, wrapped = zeroblob(60) WHERE template = @0", 1);
        _liveKeys = Prepare("SELECT count(*) FROM keys WHERE person = @0 AND live = 1", 1);
        _putImage = Prepare("INSERT OR IGNORE INTO images (template, kind, body) VALUES (@0, @1, @2)", 3);
        _dropImages = Prepare("DELETE FROM images WHERE template = @0", 1);
        _has = Prepare("SELECT 1 FROM images WHERE template = @0 AND kind = @1", 2);
        _read = Prepare("SELECT p.wrapped, p.person, k.wrapped, i.body FROM images i JOIN keys k ON k.template = i.template JOIN people p ON p.key = k.person "
            + "WHERE i.template = @0 AND i.kind = @1 AND k.live = 1", 2);
    }

    /// <exception cref="StorageException">They cannot be opened.</exception>
    public static CropTables Open(string gallery, string folder, bool toRead = false)
    {
        try
        {
            return new CropTables(gallery, folder, toRead);
        }
        catch (Exception e) when (Translate(gallery, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    public void Begin() => _begin.Run();

    public void Commit() => _commit.Run();

    /// <summary>Ends an open transaction, if there is one.</summary>
    public void Rollback()
    {
        if (SQLitePCL.raw.sqlite3_get_autocommit(_connection.Handle) == 0)
            _rollback.Run();
    }

    public (long Key, byte[] Wrapped)? FindPerson(byte[] person)
    {
        using SqliteDataReader r = _findPerson.Query(person);
        return r.Read() ? (r.GetInt64(0), r.GetFieldValue<byte[]>(1)) : null;
    }

    public long PutPerson(byte[] person, byte[] wrapped)
    {
        _putPerson.Run(person, wrapped);
        return SQLitePCL.raw.sqlite3_last_insert_rowid(_connection.Handle);
    }

    public void EndPerson(long key) => _endPerson.Run(key);

    public (long Person, bool Live, byte[] Wrapped)? FindKey(long template)
    {
        using SqliteDataReader r = _findKey.Query(template);
        return r.Read() ? (r.GetInt64(0), r.GetInt64(1) != 0, r.GetFieldValue<byte[]>(2)) : null;
    }

    public void PutKey(long template, long person, byte[] wrapped) => _putKey.Run(template, person, wrapped);

    public void EndKey(long template) => _endKey.Run(template);

    /// <summary>One process has the file, and its shards do not store an image after its template's erasure.</summary>
    public void Bar(long template)
    {
    }

    public bool HasLiveKeys(long person)
    {
        using SqliteDataReader r = _liveKeys.Query(person);
        return r.Read() && r.GetInt64(0) > 0;
    }

    public bool PutImage(long template, ImageKind kind, byte[] body) => _putImage.Run(template, (long)kind, body) > 0;

    public int DropImages(long template) => _dropImages.Run(template);

    public bool Has(long template, ImageKind kind)
    {
        using SqliteDataReader r = _has.Query(template, (long)kind);
        return r.Read();
    }

    public SealedImage? Read(long template, ImageKind kind)
    {
        using SqliteDataReader r = _read.Query(template, (long)kind);
        return r.Read() ? new SealedImage(template, r.GetFieldValue<byte[]>(0), r.GetFieldValue<byte[]>(1), r.GetFieldValue<byte[]>(2), r.GetFieldValue<byte[]>(3)) : null;
    }

    public IEnumerable<CropRow> Rows()
    {
        // An identity without a template any more is a row of zeros.
        foreach (CropRow row in Pages("SELECT key, person, wrapped FROM people WHERE key > @0 AND wrapped <> zeroblob(60) ORDER BY key LIMIT @1", SmallRows,
            r => new CropRow.Person(r.GetInt64(0), r.GetFieldValue<byte[]>(1), r.GetFieldValue<byte[]>(2))))
            yield return row;
        foreach (CropRow row in Pages("SELECT key, template, person, live, wrapped FROM keys WHERE key > @0 ORDER BY key LIMIT @1", SmallRows,
            r => new CropRow.TemplateKey(r.GetInt64(1), r.GetInt64(2), r.GetInt64(3) != 0, r.GetFieldValue<byte[]>(4))))
            yield return row;
        foreach (CropRow row in Pages("SELECT key, template, kind, body FROM images WHERE key > @0 ORDER BY key LIMIT @1", Images,
            r => new CropRow.Image(r.GetInt64(1), (ImageKind)r.GetInt64(2), r.GetFieldValue<byte[]>(3))))
            yield return row;
    }

    /// <summary>Copies the write-ahead log into the database and cuts it to nothing, unless a reader needs it.</summary>
    public void Checkpoint() => TryCheckpoint();

    /// <summary>The old keys are still in the write-ahead log, and only there. A backup reads for moments at a time.</summary>
    public void Scrub()
    {
        for (long began = TimeProvider.System.GetTimestamp(); !TryCheckpoint(); Thread.Sleep(5))
        {
            if (TimeProvider.System.GetElapsedTime(began) > ScrubPatience)
                throw new StorageUnavailableException($"The images of gallery '{_gallery}' could not be scrubbed: something reads them all the time.", null);
        }
    }

    private bool TryCheckpoint()
    {
        using Statement checkpoint = new(_connection, "PRAGMA wal_checkpoint(TRUNCATE)", 0);
        using SqliteDataReader r = checkpoint.Query();
        return r.Read() && r.GetInt64(0) == 0;
    }

    public Exception Translate(Exception e) => Translate(_gallery, e);

    private static Exception Translate(string gallery, Exception e) => e switch
    {
        SqliteException full when full.IsFull() => new StorageFullException($"the images of gallery '{gallery}'", full),
        SqliteException damage when damage.IsDamage() => new CropStoreDamagedException($"SQLite reports {SqliteErrors.Code(damage)}", damage),
        SqliteException other => new StorageUnavailableException($"The images of gallery '{gallery}' cannot be reached: SQLite reports {SqliteErrors.Code(other)}.", other),
        IOException or UnauthorizedAccessException => new StorageUnavailableException($"The images of gallery '{gallery}' cannot be reached.", e),
        _ => e,
    };

    public void Dispose()
    {
        _statements.ForEach(s => s.Dispose());
        _connection.Dispose();
    }

    /// <param name="sql">Its first column is the number that the next page goes on after.</param>
    /// <param name="length">Rows in a page.</param>
    /// <param name="read">Reads a row.</param>
    private IEnumerable<CropRow> Pages(string sql, int length, Func<SqliteDataReader, CropRow> read)
    {
        using Statement select = new(_connection, sql, 2);
        List<CropRow> page = new(length);
        long after = 0;
        do
        {
            page.Clear();
            using (SqliteDataReader r = select.Query(after, (long)length))
            {
                while (r.Read())
                {
                    after = r.GetInt64(0);
                    page.Add(read(r));
                }
            }
            foreach (CropRow row in page)
                yield return row;
        }
        while (page.Count == length);
    }

    private Statement Prepare(string sql, int parameters)
    {
        Statement statement = new(_connection, sql, parameters);
        _statements.Add(statement);
        return statement;
    }

    private void Execute(string sql)
    {
        using Statement statement = new(_connection, sql, 0);
        statement.Run();
    }
}

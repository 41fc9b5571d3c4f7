using System.Globalization;
using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Crops;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>
/// One gallery's keys and sealed images in tables of their own. Writers of all processes take turns under an advisory lock of the
/// gallery, for the length of a transaction.
/// </summary>
internal sealed class PostgresCropTables : ICropTables
{
    /// <summary>Rows of keys, and images, in one page of a copy.</summary>
    private const int SmallRows = 4096, Images = 16;

    private readonly string _gallery;
    private readonly long _key;
    private readonly NpgsqlConnection _connection;
    private readonly string _people, _keys, _images;
    private NpgsqlTransaction? _transaction;

    private PostgresCropTables(string gallery, long key, NpgsqlConnection connection)
    {
        (_gallery, _key, _connection) = (gallery, key, connection);
        (_people, _keys, _images) = (Name("people"), Name("keys"), Name("images"));

        string Name(string table) => string.Create(CultureInfo.InvariantCulture, $"crops_{key}_{table}");
    }

    /// <summary>Opens a gallery's tables.</summary>
    /// <param name="database">Where they are.</param>
    /// <param name="gallery">The gallery.</param>
    /// <param name="toRead">For a copy: they must be there, and are left as they are. Else they are made at need.</param>
    /// <exception cref="StorageException">They cannot be opened.</exception>
    public static PostgresCropTables Open(PostgresDatabase database, string gallery, bool toRead = false)
    {
        try
        {
            NpgsqlConnection connection = database.Source.OpenConnection();
            try
            {
                if (toRead)
                    return new(gallery, Find(connection, gallery) ?? throw new StorageUnavailableException($"Gallery '{gallery}' has no images any more.", null), connection);
                PostgresCropTables tables = new(gallery, FindOrMake(connection, gallery), connection);
                tables.Scrub(); // What an erasure that was cut short left behind.
                return tables;
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        }
        catch (Exception e) when (Translate(gallery, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    public void Begin()
    {
        _transaction = _connection.BeginTransaction();
        // Fails, as it must, if the gallery was deleted: its row is gone.
        if (Scalar(_connection, "SELECT key FROM crop_galleries WHERE key = $1 FOR UPDATE", _key) is null)
            throw new StorageUnavailableException($"The images of gallery '{_gallery}' were deleted meanwhile.", null);
    }

    public void Commit()
    {
        _transaction!.Commit();
        _transaction.Dispose();
        _transaction = null;
    }

    public void Rollback()
    {
        NpgsqlTransaction? open = _transaction;
        _transaction = null;
        open?.Dispose();
    }

    public (long Key, byte[] Wrapped)? FindPerson(byte[] person) =>
        First($"SELECT key, wrapped FROM {_people} WHERE person = $1", r => ((long, byte[])?)(r.GetInt64(0), r.GetFieldValue<byte[]>(1)), person);

    public long PutPerson(byte[] person, byte[] wrapped) =>
        (long)Scalar(_connection, $"INSERT INTO {_people} (key, person, wrapped) VALUES (nextval('crop_people'), $1, $2) RETURNING key", person, wrapped)!;

    public void EndPerson(long key) => Run($"DELETE FROM {_people} WHERE key = $1", key);

    public (long Person, bool Live, byte[] Wrapped)? FindKey(long template) =>
        First($"SELECT person, live, wrapped FROM {_keys} WHERE template = $1", r => ((long, bool, byte[])?)(r.GetInt64(0), r.GetBoolean(1), r.GetFieldValue<byte[]>(2)), template);

    public void PutKey(long template, long person, byte[] wrapped) =>
        Run($"INSERT INTO {_keys} (template, person, live, wrapped) VALUES ($1, $2, true, $3)", template, person, wrapped);

    public void EndKey(long template)
    {
        Run($"UPDATE {_keys} SET live = false, wrapped = ''::bytea WHERE template = $1", template);
        Run("UPDATE crop_galleries SET dead_keys = true WHERE key = $1", _key);
    }

    public void Bar(long template) => Run($"INSERT INTO {_keys} (template, person, live, wrapped) VALUES ($1, 0, false, ''::bytea) ON CONFLICT DO NOTHING", template);

    public bool HasLiveKeys(long person) => Scalar(_connection, $"SELECT 1 FROM {_keys} WHERE person = $1 AND live LIMIT 1", person) is not null;

    public bool PutImage(long template, ImageKind kind, byte[] body) =>
        Run($"INSERT INTO {_images} (template, kind, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", template, (long)kind, body) > 0;

    public int DropImages(long template) => Run($"DELETE FROM {_images} WHERE template = $1", template);

    public bool Has(long template, ImageKind kind) => Scalar(_connection, $"SELECT 1 FROM {_images} WHERE template = $1 AND kind = $2", template, (long)kind) is not null;

    public SealedImage? Read(long template, ImageKind kind) => First(
        $"SELECT p.wrapped, p.person, k.wrapped, i.body FROM {_images} i JOIN {_keys} k ON k.template = i.template JOIN {_people} p ON p.key = k.person "
            + "WHERE i.template = $1 AND i.kind = $2 AND k.live",
        r => new SealedImage(template, r.GetFieldValue<byte[]>(0), r.GetFieldValue<byte[]>(1), r.GetFieldValue<byte[]>(2), r.GetFieldValue<byte[]>(3)), template, (long)kind);

    public IEnumerable<CropRow> Rows()
    {
        foreach (CropRow row in Pages($"SELECT key, 0::bigint, person, wrapped FROM {_people} WHERE key > $1 AND $2 = 0 ORDER BY key LIMIT {SmallRows}", SmallRows,
            r => new CropRow.Person(r.GetInt64(0), r.GetFieldValue<byte[]>(2), r.GetFieldValue<byte[]>(3))))
            yield return row;
        foreach (CropRow row in Pages($"SELECT template, 0::bigint, person, live, wrapped FROM {_keys} WHERE template > $1 AND $2 = 0 ORDER BY template LIMIT {SmallRows}", SmallRows,
            r => new CropRow.TemplateKey(r.GetInt64(0), r.GetInt64(2), r.GetBoolean(3), r.GetFieldValue<byte[]>(4))))
            yield return row;
        foreach (CropRow row in Pages($"SELECT template, kind, body FROM {_images} WHERE (template, kind) > ($1, $2) ORDER BY template, kind LIMIT {Images}", Images,
            r => new CropRow.Image(r.GetInt64(0), (ImageKind)r.GetInt64(1), r.GetFieldValue<byte[]>(2))))
            yield return row;
    }

    /// <summary>The server does that by itself.</summary>
    public void Checkpoint()
    {
    }

    /// <summary>The tables of keys are written anew without dead rows; images that stay in dead rows are unreadable without their keys.</summary>
    public void Scrub()
    {
        Begin();
        if (Scalar(_connection, "SELECT dead_keys FROM crop_galleries WHERE key = $1", _key) is true)
        {
            Run("SELECT rewrite_table($1, 'person')", _keys);
            Run("SELECT rewrite_table($1, 'key')", _people);
            Run("UPDATE crop_galleries SET dead_keys = false WHERE key = $1", _key);
        }
        Commit();
    }

    public Exception Translate(Exception e) => Translate(_gallery, e);

    public void Dispose()
    {
        try
        {
            Rollback();
        }
        catch (Exception e) when (PostgresErrors.IsOfTheServer(e))
        {
            // The server ends a transaction whose connection is lost.
        }
        _connection.Dispose();
    }

    /// <summary>Drops a gallery's tables, whoever has them open.</summary>
    public static async Task DeleteAsync(PostgresDatabase database, string gallery, CancellationToken cancellationToken)
    {
        try
        {
            await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using NpgsqlCommand command = new("WITH gone AS (DELETE FROM crop_galleries WHERE gallery = $1 RETURNING key) SELECT drop_crops(key) FROM gone", connection)
            {
                Parameters = { new() { Value = gallery } },
                CommandTimeout = 0,
            };
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (Translate(gallery, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    /// <summary>Galleries that have tables.</summary>
    public static async Task<IReadOnlyList<string>> ListAsync(PostgresDatabase database, CancellationToken cancellationToken)
    {
        try
        {
            await using NpgsqlCommand command = database.Source.CreateCommand("SELECT gallery FROM crop_galleries ORDER BY gallery");
            await using NpgsqlDataReader r = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            List<string> galleries = [];
            while (await r.ReadAsync(cancellationToken).ConfigureAwait(false))
                galleries.Add(r.GetString(0));
            return galleries;
        }
        catch (Exception e) when (PostgresErrors.Translate("the retained images", e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    /// <summary>Whether a gallery has tables.</summary>
    public static async Task<bool> ExistsAsync(PostgresDatabase database, string gallery, CancellationToken cancellationToken)
    {
        try
        {
            await using NpgsqlCommand command = database.Source.CreateCommand("SELECT 1 FROM crop_galleries WHERE gallery = $1");
            command.Parameters.Add(new() { Value = gallery });
            return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is not null;
        }
        catch (Exception e) when (Translate(gallery, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    private static long? Find(NpgsqlConnection connection, string gallery) => Scalar(connection, "SELECT key FROM crop_galleries WHERE gallery = $1", gallery) as long?;

    private static long FindOrMake(NpgsqlConnection connection, string gallery)
    {
        while (true)
        {
            if (Find(connection, gallery) is { } found)
                return found;
            using NpgsqlTransaction transaction = connection.BeginTransaction();
            if (Scalar(connection, "INSERT INTO crop_galleries (gallery) VALUES ($1) ON CONFLICT DO NOTHING RETURNING key", gallery) is not long made)
                continue; // Another process was first.
            Scalar(connection, "SELECT make_crops($1)", made);
            transaction.Commit();
            return made;
        }
    }

    private static Exception Translate(string gallery, Exception e) => PostgresErrors.IsDamage(e) && e is not PostgresException { SqlState: PostgresErrorCodes.UndefinedTable }
        ? new CropStoreDamagedException(PostgresErrors.Reason(e), e)
        : PostgresErrors.Translate($"the images of gallery '{gallery}'", e);

    /// <param name="sql">Its first two columns are the numbers that the next page goes on after.</param>
    /// <param name="length">Rows in a page.</param>
    /// <param name="read">Reads a row.</param>
    private IEnumerable<CropRow> Pages(string sql, int length, Func<NpgsqlDataReader, CropRow> read)
    {
        List<CropRow> page = new(length);
        (long first, long second) = (long.MinValue, 0);
        do
        {
            page.Clear();
            using (NpgsqlCommand command = Command(_connection, sql, [first, second]))
            using (NpgsqlDataReader r = command.ExecuteReader())
            {
                while (r.Read())
                {
                    (first, second) = (r.GetInt64(0), r.GetInt64(1));
                    page.Add(read(r));
                }
            }
            foreach (CropRow row in page)
                yield return row;
        }
        while (page.Count == length);
    }

    private T? First<T>(string sql, Func<NpgsqlDataReader, T> read, params object[] values)
    {
        using NpgsqlCommand command = Command(_connection, sql, values);
        using NpgsqlDataReader r = command.ExecuteReader();
        return r.Read() ? read(r) : default;
    }

    private int Run(string sql, params object[] values)
    {
        using NpgsqlCommand command = Command(_connection, sql, values);
        return command.ExecuteNonQuery();
    }

    private static object? Scalar(NpgsqlConnection connection, string sql, params object[] values)
    {
        using NpgsqlCommand command = Command(connection, sql, values);
        return command.ExecuteScalar();
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, object[] values)
    {
#pragma warning disable CA2100 // The texts are this assembly's.
        NpgsqlCommand command = new(sql, connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        foreach (object value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }
}

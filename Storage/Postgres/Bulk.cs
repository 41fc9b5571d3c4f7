using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace FaceSearch.Storage.Postgres;

/// <summary>A column of rows that are written many at a time.</summary>
internal abstract record BulkColumn<TRow>(string Name, NpgsqlDbType Type)
{
    /// <summary>All values as one array parameter.</summary>
    public abstract NpgsqlParameter Gather(IReadOnlyList<TRow> rows);

    /// <summary>One value into a binary COPY.</summary>
    public abstract Task WriteAsync(NpgsqlBinaryImporter importer, TRow row);
}

/// <inheritdoc />
internal sealed record BulkColumn<TRow, T>(string Name, NpgsqlDbType Type, Func<TRow, T> Get) : BulkColumn<TRow>(Name, Type)
{
    public override NpgsqlParameter Gather(IReadOnlyList<TRow> rows)
    {
        var values = new T[rows.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = Get(rows[i]);
        return new NpgsqlParameter { Value = values, NpgsqlDbType = NpgsqlDbType.Array | Type };
    }

    public override Task WriteAsync(NpgsqlBinaryImporter importer, TRow row) =>
        Get(row) is { } value ? importer.WriteAsync(value, Type) : importer.WriteNullAsync();
}

/// <summary>Writes rows of one kind: a few as one statement with array parameters, many by binary COPY.</summary>
internal sealed class Bulk<TRow>(params BulkColumn<TRow>[] columns)
{
    private string Names { get; } = string.Join(", ", columns.Select(c => c.Name));

    /// <summary>An INSERT of all rows.</summary>
    public NpgsqlBatchCommand Insert(string table, IReadOnlyList<TRow> rows) =>
        Command($"INSERT INTO {table} ({Names}) SELECT * FROM unnest({Arrays()})", rows);

    /// <summary>An UPDATE of all columns but the first, which names the row.</summary>
    public NpgsqlBatchCommand Update(string table, IReadOnlyList<TRow> rows)
    {
        string sets = string.Join(", ", columns.Skip(1).Select(c => $"{c.Name} = u.{c.Name}"));
        return Command($"UPDATE {table} t SET {sets} FROM unnest({Arrays()}) AS u ({Names}) WHERE t.{columns[0].Name} = u.{columns[0].Name}", rows);
    }

    /// <summary>Writes all rows by COPY, at once.</summary>
    public async Task CopyAsync(NpgsqlConnection connection, string table, IReadOnlyList<TRow> rows)
    {
        await using NpgsqlBinaryImporter importer = await connection.BeginBinaryImportAsync($"COPY {table} ({Names}) FROM STDIN (FORMAT BINARY)").ConfigureAwait(false);
        foreach (TRow row in rows)
        {
            await importer.StartRowAsync().ConfigureAwait(false);
            foreach (BulkColumn<TRow> column in columns)
                await column.WriteAsync(importer, row).ConfigureAwait(false);
        }
        await importer.CompleteAsync().ConfigureAwait(false);
    }

    private NpgsqlBatchCommand Command(string sql, IReadOnlyList<TRow> rows)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (BulkColumn<TRow> column in columns)
            command.Parameters.Add(column.Gather(rows));
        return command;
    }

    private string Arrays() => string.Join(", ", columns.Select((c, i) => string.Create(CultureInfo.InvariantCulture, $"${i + 1}::{c.Type.ToString().ToLowerInvariant()}[]")));
}

/// <summary>Rows for one table.</summary>
internal abstract class NewRows
{
    /// <summary>Rows from which COPY is worth its extra round trip.</summary>
    private const int CopyFrom = 256;

    public abstract int Count { get; }

    /// <summary>Whether they are to be written by <see cref="CopyAsync"/>.</summary>
    public bool IsMany => Count >= CopyFrom;

    public abstract NpgsqlBatchCommand Insert();

    public abstract Task CopyAsync(NpgsqlConnection connection);
}

/// <inheritdoc />
internal sealed class NewRows<TRow>(Bulk<TRow> columns, string table, IReadOnlyList<TRow> rows) : NewRows
{
    public override int Count => rows.Count;

    public override NpgsqlBatchCommand Insert() => columns.Insert(table, rows);

    public override Task CopyAsync(NpgsqlConnection connection) => columns.CopyAsync(connection, table, rows);
}

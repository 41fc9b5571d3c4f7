using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>Single statements.</summary>
internal static class Scalars
{
    /// <summary>Runs a statement with positional values, without a time limit; the first column of its first row, if it has one.</summary>
    public static async Task<object?> ScalarAsync(this NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] values)
    {
#pragma warning disable CA2100 // The texts are this assembly's.
        await using NpgsqlCommand command = new(sql, connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        foreach (object value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
    }
}

using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace FaceSearch.Storage.Postgres;

/// <summary>A numbered step of the schema: infra/sql/postgres/NNN-name.sql, embedded in this assembly.</summary>
/// <param name="Version">Its number; steps are applied in order.</param>
/// <param name="Name">File name without number.</param>
/// <param name="Sql">Its text.</param>
public sealed record SchemaStep(int Version, string Name, string Sql)
{
    /// <summary>SHA-256 of the text, which must never change once applied.</summary>
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql.ReplaceLineEndings("\n"))));
}

/// <summary>How a database's schema compares with this program's.</summary>
public enum SchemaState
{
    /// <summary>There is none.</summary>
    Missing,

    /// <summary>Steps are missing.</summary>
    Older,

    /// <summary>It is this program's.</summary>
    Current,

    /// <summary>It has steps that this program does not know.</summary>
    Newer,

    /// <summary>A step was applied with another text.</summary>
    Different,
}

/// <summary>What was found.</summary>
/// <param name="State">The comparison.</param>
/// <param name="Stored">The database's version; 0: none.</param>
/// <param name="Known">This program's version.</param>
public sealed record SchemaStatus(SchemaState State, int Stored, int Known)
{
    /// <summary>One sentence for people.</summary>
    public string Sentence => State switch
    {
        SchemaState.Missing => $"There is no FaceSearch schema (version {Known} is wanted).",
        SchemaState.Older => $"The schema is version {Stored}; this program wants version {Known}.",
        SchemaState.Newer => $"The schema is version {Stored}, newer than this program, which knows version {Known}: use the newer program.",
        SchemaState.Different => $"The schema says version {Stored}, but was made from other statements than this program's.",
        _ => $"The schema is version {Stored}, as this program wants it.",
    };
}

/// <summary>Applies and compares the schema. Any number of processes may try at once: an advisory lock lets one at a time.</summary>
public sealed class DatabaseSchema(PostgresDatabase database)
{
    private const long LockKey = 0x46537363_68656D61; // "FSschema"
    private const string Resource = "FaceSearch.Storage.Sql.";

    /// <summary>The steps of this program, in order.</summary>
    public static IReadOnlyList<SchemaStep> Steps { get; } = Load();

    /// <exception cref="StorageUnavailableException">The database cannot be reached.</exception>
    public async Task<SchemaStatus> StatusAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            return Compare(await ReadAsync(connection, cancellationToken).ConfigureAwait(false));
        }
        catch (Exception e) when (PostgresErrors.IsOfTheServer(e))
        {
            throw new StorageUnavailableException($"The {database.Place} cannot be used now: {PostgresErrors.Reason(e)}.", e);
        }
    }

    /// <summary>Applies the steps that are missing, all or none; does nothing where none is.</summary>
    /// <returns>The steps applied now, and the state afterwards. A newer or different schema is left as it is.</returns>
    /// <exception cref="StorageUnavailableException">The database cannot be reached, or refuses.</exception>
    public async Task<(IReadOnlyList<SchemaStep> Applied, SchemaStatus Status)> ApplyAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            await RunAsync(connection, string.Create(CultureInfo.InvariantCulture, $"SELECT pg_advisory_xact_lock({LockKey})"), cancellationToken).ConfigureAwait(false);
            Dictionary<int, string> stored = await ReadAsync(connection, cancellationToken).ConfigureAwait(false);
            SchemaStatus found = Compare(stored);
            if (found.State is SchemaState.Newer or SchemaState.Different or SchemaState.Current)
                return ([], found);
            await PrepareAsync(connection, cancellationToken).ConfigureAwait(false);
            List<SchemaStep> applied = [.. Steps.Where(s => !stored.ContainsKey(s.Version))];
            foreach (SchemaStep step in applied)
            {
                await RunAsync(connection, step.Sql, cancellationToken).ConfigureAwait(false);
                await using NpgsqlCommand record = new("INSERT INTO schema_version (version, name, checksum) VALUES ($1, $2, $3)", connection)
                {
                    Parameters = { new() { Value = step.Version }, new() { Value = step.Name }, new() { Value = step.Checksum } },
                };
                await record.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            return (applied, new SchemaStatus(SchemaState.Current, Steps[^1].Version, Steps[^1].Version));
        }
        catch (Exception e) when (PostgresErrors.IsOfTheServer(e))
        {
            throw new StorageUnavailableException($"The schema could not be applied to {database.Place}: {PostgresErrors.Reason(e)}{Where(e)}.", e);
        }
    }

    private static string Where(Exception e) => e is PostgresException p ? $" ({p.MessageText})" : "";

    /// <summary>Two sessions may both find no schema before one has the lock; the second finds it made when it has the lock.</summary>
    private static Task PrepareAsync(NpgsqlConnection connection, CancellationToken cancellationToken) => RunAsync(connection, $"""
        DO $make$ BEGIN
            IF to_regnamespace('{PostgresDatabase.Schema}') IS NULL THEN
                CREATE SCHEMA {PostgresDatabase.Schema};
            END IF;
        END $make$;
        CREATE TABLE IF NOT EXISTS schema_version (
            version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
        """, cancellationToken);

    private static async Task<Dictionary<int, string>> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        Dictionary<int, string> stored = [];
        await using (NpgsqlCommand exists = new($"SELECT to_regclass('{PostgresDatabase.Schema}.schema_version') IS NOT NULL", connection))
        {
            if (await exists.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is not true)
                return stored;
        }
        await using NpgsqlCommand read = new("SELECT version, checksum FROM schema_version", connection);
        await using NpgsqlDataReader r = await read.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await r.ReadAsync(cancellationToken).ConfigureAwait(false))
            stored[r.GetInt32(0)] = r.GetString(1);
        return stored;
    }

    private static SchemaStatus Compare(Dictionary<int, string> stored)
    {
        int version = stored.Count == 0 ? 0 : stored.Keys.Max(), known = Steps[^1].Version;
        SchemaState state = version == 0 ? SchemaState.Missing
            : version > known ? SchemaState.Newer
            : Steps.Any(s => stored.TryGetValue(s.Version, out string? checksum) && checksum != s.Checksum) ? SchemaState.Different
            : Steps.All(s => stored.ContainsKey(s.Version)) ? SchemaState.Current
            : SchemaState.Older;
        return new SchemaStatus(state, version, known);
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
#pragma warning disable CA2100 // The texts are this assembly's.
        await using NpgsqlCommand command = new(sql, connection);
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static List<SchemaStep> Load()
    {
        Assembly assembly = typeof(DatabaseSchema).Assembly;
        List<SchemaStep> steps = [];
        foreach (string name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Resource, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using StreamReader reader = new(assembly.GetManifestResourceStream(name)!);
            string file = name[Resource.Length..^".sql".Length];
            steps.Add(new SchemaStep(int.Parse(file[..3], CultureInfo.InvariantCulture), file[4..], reader.ReadToEnd()));
        }
        return steps;
    }
}

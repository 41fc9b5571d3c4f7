using FaceSearch.Storage.Backup;
using Npgsql;
using Orleans.Runtime;

namespace FaceSearch.Storage.Postgres;

/// <summary>Lists what <see cref="PostgresGrainStorage"/> stored.</summary>
public sealed class PostgresGrainStates(PostgresDatabase database, string serviceId) : IGrainStateList
{
    public async Task<IReadOnlyList<GrainStateName>> ListAsync(IReadOnlyDictionary<string, GrainType> types, CancellationToken cancellationToken = default)
    {
        try
        {
            await using NpgsqlCommand command = database.Source.CreateCommand(
                "SELECT grain_type, grain_key FROM grain_states WHERE service_id = $1 AND payload IS NOT NULL ORDER BY grain_type, grain_key");
            command.Parameters.Add(new() { Value = serviceId });
            await using NpgsqlDataReader r = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            List<GrainStateName> found = [];
            while (await r.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                (string state, string key) = (r.GetString(0), r.GetString(1));
                if (!types.TryGetValue(state, out GrainType type) || !key.StartsWith(PostgresGrainStorage.Prefix, StringComparison.Ordinal))
                    throw new BackupRefusedException($"The grain storage holds a state '{state}' that no grain of this program keeps.");
                found.Add(new(state, GrainId.Create(type, key[PostgresGrainStorage.Prefix.Length..])));
            }
            return found;
        }
        catch (Exception e) when (PostgresErrors.Translate("the grain states", e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }
}

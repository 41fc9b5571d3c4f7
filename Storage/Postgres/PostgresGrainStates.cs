using FaceSearch.Storage.Backup;
using Npgsql;
using Orleans.Runtime;

namespace FaceSearch.Storage.Postgres;

/// <summary>
/// Lists what Orleans' ADO.NET provider stored. It keeps a grain's key as text, unless the key reads as a GUID or a hexadecimal number
/// ("abc", "2024"): then it keeps the number, from which the key cannot be told.
/// </summary>
public sealed class PostgresGrainStates(PostgresDatabase database, string serviceId) : IGrainStateList
{
    public async Task<GrainStateListing> ListAsync(GrainNames names, CancellationToken cancellationToken = default)
    {
        try
        {
            await using NpgsqlCommand command = database.Source.CreateCommand(
                "SELECT grain_type, grain_n0, grain_n1, grain_key FROM grain_states WHERE service_id = $1 AND payload IS NOT NULL ORDER BY grain_type, grain_key");
            command.Parameters.Add(new() { Value = serviceId });
            await using NpgsqlDataReader r = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            List<GrainStateName> found = [];
            int unnamed = 0;
            while (await r.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                (string state, string key) = (r.GetString(0), r.GetString(3));
                if (!names.Types.TryGetValue(state, out GrainType type))
                    throw new BackupRefusedException($"The grain storage holds a state '{state}' that no grain of this program keeps.");
                if (key.Length > 0 && r.GetInt64(1) == 0 && r.GetInt64(2) == 0)
                    found.Add(new(state, GrainId.Create(type, key)));
                else
                    unnamed++;
            }
            return new(found, unnamed);
        }
        catch (Exception e) when (PostgresErrors.Translate("the grain states", e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }
}

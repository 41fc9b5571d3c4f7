using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Storage.Postgres;

/// <summary>
/// Orleans' ADO.NET provider under keys that it takes as they are. It reads a key such as "a", "0a" or a GUID as a number and keeps that,
/// so that different grains would share a row; a key that begins with <see cref="Prefix"/> is no number. What the server refuses becomes the problem
/// that callers of a grain see: <c>storage-full</c> for a full disk, else <c>shard-unavailable</c>.
/// </summary>
public sealed class PostgresGrainStorage(AdoNetGrainStorage storage) : IGrainStorage, ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>What every key in <c>grain_states</c> begins with. Part of the stored format: never change it.</summary>
    public const string Prefix = "=";

    public void Participate(ISiloLifecycle observer) => storage.Participate(observer);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        GuardAsync(() => storage.ReadStateAsync(stateName, Stored(grainId), grainState));

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        GuardAsync(() => storage.WriteStateAsync(stateName, Stored(grainId), grainState));

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        GuardAsync(() => storage.ClearStateAsync(stateName, Stored(grainId), grainState));

    private static async Task GuardAsync(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception e) when (PostgresErrors.IsOfTheServer(e))
        {
            throw PostgresErrors.Translate("grain states", e) switch
            {
                StorageFullException full => GrainStateProblems.Full(full.Message),
                Exception other => GrainStateProblems.Unavailable(other.Message),
            };
        }
    }

    private static GrainId Stored(GrainId grain) => GrainId.Create(grain.Type, Prefix + grain.Key);
}

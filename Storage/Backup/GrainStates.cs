using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Storage.Backup;

/// <summary>One stored grain state.</summary>
public sealed record GrainStateName(string State, GrainId Grain);

/// <summary>Lists the grain states of a store, which Orleans' own interface cannot.</summary>
public interface IGrainStateList
{
    /// <param name="types">The grain type that keeps a state of a name, where the store alone does not tell.</param>
    /// <param name="cancellationToken">To give up.</param>
    /// <exception cref="BackupRefusedException">There is a state of a name that no grain type has.</exception>
    Task<IReadOnlyList<GrainStateName>> ListAsync(IReadOnlyDictionary<string, GrainType> types, CancellationToken cancellationToken = default);
}

/// <summary>A grain state as the serializer made it; read and written by <see cref="RawGrainStateSerializer"/> without looking into it.</summary>
public sealed class RawGrainState
{
    public byte[] Bytes { get; set; } = [];
}

/// <summary>Passes <see cref="RawGrainState"/> through as it is, and everything else on to another serializer.</summary>
public sealed class RawGrainStateSerializer(IGrainStorageSerializer inner) : IGrainStorageSerializer
{
    public BinaryData Serialize<T>(T? input) => input is RawGrainState raw ? new BinaryData(raw.Bytes) : inner.Serialize(input!);

    public T? Deserialize<T>(BinaryData input) => typeof(T) == typeof(RawGrainState) ? (T)(object)new RawGrainState { Bytes = input.ToArray() } : inner.Deserialize<T>(input);
}

/// <summary>Grain states byte for byte.</summary>
public sealed class GrainStateCopy(IGrainStorage storage)
{
    /// <summary>Null if there is none.</summary>
    public async Task<byte[]?> ReadAsync(GrainStateName name)
    {
        GrainState<RawGrainState> state = new(new RawGrainState());
        await storage.ReadStateAsync(name.State, name.Grain, state).ConfigureAwait(false);
        return state.RecordExists ? state.State?.Bytes : null;
    }

    public Task WriteAsync(GrainStateName name, byte[] bytes) =>
        storage.WriteStateAsync(name.State, name.Grain, new GrainState<RawGrainState>(new RawGrainState { Bytes = bytes }));
}

using Orleans.Runtime;
using Orleans.Storage;

namespace FaceSearch.Storage.Backup;

/// <summary>One stored grain state.</summary>
public sealed record GrainStateName(string State, GrainId Grain);

/// <summary>What the grains are called, where the store alone does not tell.</summary>
/// <param name="Types">The grain type that keeps a state of a name.</param>
/// <param name="Keys">Keys that grains may have: ids of galleries, names of models.</param>
public sealed record GrainNames(IReadOnlyDictionary<string, GrainType> Types, IReadOnlyCollection<string> Keys);

/// <summary>What grain states a store holds.</summary>
/// <param name="Found">Those whose grain is known.</param>
/// <param name="Unnamed">Number of those of which the store kept a number instead of the key.</param>
public sealed record GrainStateListing(IReadOnlyList<GrainStateName> Found, int Unnamed);

/// <summary>Lists the grain states of a store, which Orleans' own interface cannot.</summary>
public interface IGrainStateList
{
    /// <exception cref="BackupRefusedException">There is a state of a name that no grain type has.</exception>
    Task<GrainStateListing> ListAsync(GrainNames names, CancellationToken cancellationToken = default);
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
internal sealed class GrainStateCopy(IGrainStorage storage)
{
    /// <summary>All states: those that were listed, and those found under the keys that are known.</summary>
    public async Task<IReadOnlyList<GrainStateName>> FindAsync(IGrainStateList list, GrainNames names, CancellationToken cancellationToken)
    {
        GrainStateListing listing = await list.ListAsync(names, cancellationToken).ConfigureAwait(false);
        if (listing.Unnamed == 0)
            return listing.Found;
        HashSet<GrainStateName> listed = [.. listing.Found];
        List<GrainStateName> more = [];
        foreach (GrainStateName name in names.Types.SelectMany(t => names.Keys.Select(k => new GrainStateName(t.Key, GrainId.Create(t.Value, k)))))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!listed.Contains(name) && await ReadAsync(name).ConfigureAwait(false) is not null)
                more.Add(name);
        }
        return more.Count == listing.Unnamed ? [.. listing.Found, .. more]
            : throw new BackupRefusedException($"The grain storage holds {listing.Unnamed} states whose grains it does not name; {more.Count} of them could be found.");
    }

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

using FaceSearch.Grains.Galleries;
using FaceSearch.Storage.Backup;
using Orleans.Storage;

namespace FaceSearch.Grains.Backups;

/// <summary>
/// What the stored grain states say. A gallery goes into a backup with the generation that answers and no other: a generation that is
/// being filled, kept for a rollback or being erased is of another moment than the one that answers, so its re-embedding is left out too.
/// </summary>
public sealed class BackupFrame(IGrainStorage grains, IGrainStateList states, IGrainStorageSerializer serializer, IReadOnlyDictionary<string, GrainType> types) : IBackupFrame
{
    private const string Gallery = "gallery", Galleries = "galleries", Reembedding = "reembedding";
    private readonly GrainStateCopy _copy = new(grains);

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await states.ListAsync(types, cancellationToken)).Where(s => s.State == Gallery).Select(s => s.Grain.Key.ToString()!).Order(StringComparer.Ordinal)];

    public async Task<GalleryShape?> ReadAsync(string gallery, CancellationToken cancellationToken)
    {
        GrainStateName name = new(Gallery, GrainId.Create(types[Gallery], gallery));
        GrainState<GalleryState> stored = new(new());
        await grains.ReadStateAsync(name.State, name.Grain, stored);
        if (!stored.RecordExists || stored.State is not { Phase: GalleryPhase.Active } state)
            return null;
        List<SavedState> saved = [];
        if (state.Other is null && state.Ending is null)
            await AddAsync(saved, new(Reembedding, GrainId.Create(types[Reembedding], gallery)));
        (state.Other, state.Ending) = (null, null);
        saved.Add(new(name, serializer.Serialize(state).ToArray()));
        return new GalleryShape(gallery, state.CreatedAt, state.Generation, state.Map.ShardCount, saved);
    }

    public async Task<IReadOnlyList<SavedState>> RestAsync(IReadOnlyCollection<string> galleries, CancellationToken cancellationToken)
    {
        List<SavedState> saved = [];
        foreach (GrainStateName name in await states.ListAsync(types, cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (name.State is not (Gallery or Galleries or Reembedding))
                await AddAsync(saved, name);
        }
        GalleryDirectoryState directory = new();
        directory.Galleries.UnionWith(galleries);
        saved.Add(new(new(Galleries, GrainId.Create(types[Galleries], IGalleryDirectoryGrain.Key)), serializer.Serialize(directory).ToArray()));
        return saved;
    }

    /// <summary>A state that was cleared meanwhile is not there.</summary>
    private async Task AddAsync(List<SavedState> saved, GrainStateName name)
    {
        if (await _copy.ReadAsync(name) is { } bytes)
            saved.Add(new(name, bytes));
    }
}

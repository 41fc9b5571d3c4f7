namespace FaceSearch.Grains.Galleries;

/// <inheritdoc cref="IGalleryDirectoryGrain"/>
public sealed class GalleryDirectoryGrain([PersistentState("galleries")] IPersistentState<GalleryDirectoryState> state) : Grain, IGalleryDirectoryGrain
{
    public Task<IReadOnlyList<string>> ListAsync() => Task.FromResult<IReadOnlyList<string>>(state.State.Galleries.ToArray());

    public async Task RecordAsync(string gallery, bool exists)
    {
        if (exists ? state.State.Galleries.Add(gallery) : state.State.Galleries.Remove(gallery))
            await state.SaveAsync(this);
    }
}

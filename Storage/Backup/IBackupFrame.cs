namespace FaceSearch.Storage.Backup;

/// <summary>A grain state as it goes into a backup.</summary>
public sealed record SavedState(GrainStateName Name, byte[] Bytes);

/// <summary>A gallery as its stored state says: which logs belong to it, and the states that go with them.</summary>
/// <param name="Gallery">Its id.</param>
/// <param name="CreatedAt">Tells it from a later gallery of the same name.</param>
/// <param name="Generation">The generation that answers; no other one goes into a backup.</param>
/// <param name="Shards">Number of its shards, all of that generation.</param>
/// <param name="States">Its grain states, as a gallery of that one generation.</param>
public sealed record GalleryShape(string Gallery, DateTimeOffset CreatedAt, int Generation, int Shards, IReadOnlyList<SavedState> States)
{
    /// <summary>Whether the same logs belong to both.</summary>
    public bool HasLogsOf(GalleryShape other) => CreatedAt == other.CreatedAt && Generation == other.Generation && Shards == other.Shards;
}

/// <summary>What the stored grain states say of the whole: read from the store, never from a grain's memory.</summary>
public interface IBackupFrame
{
    /// <summary>Galleries that have a state.</summary>
    Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken);

    /// <summary>One gallery; null if it is not (or not any more) in service.</summary>
    Task<GalleryShape?> ReadAsync(string gallery, CancellationToken cancellationToken);

    /// <summary>All states that belong to no gallery; the list of galleries among them names exactly <paramref name="galleries"/>.</summary>
    Task<IReadOnlyList<SavedState>> RestAsync(IReadOnlyCollection<string> galleries, CancellationToken cancellationToken);
}

using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Identities;

/// <summary>
/// Makes an identity the same in another generation of its gallery. Runs inside the identity's grain, so nothing else changes the
/// identity meanwhile; what is there decides, so that doing it twice, or after a crash, changes nothing more.
/// </summary>
internal static class GenerationCopy
{
    private const int Attempts = 3;

    /// <summary>
    /// Adds the templates whose vectors are given, removes those that the source has not, and takes over metadata, version and beginning.
    /// </summary>
    /// <param name="shards">The other generation.</param>
    /// <param name="source">The identity as the first generation's log has it.</param>
    /// <param name="vectors">Embeddings of the other generation; templates without one are left out.</param>
    /// <param name="operationId">Remembered there too, so that a retry after a switch is recognised.</param>
    /// <param name="fingerprint">Of the operation.</param>
    /// <returns>Templates of the source that are not there afterwards.</returns>
    public static async Task<int> ApplyAsync(
        IdentityShards shards, StoredIdentity source, IReadOnlyDictionary<TemplateId, Embedding> vectors, string operationId, ulong fingerprint)
    {
        (IGalleryShardGrain shard, IdentityOutline? outline) = await shards.OutlineAsync();
        HashSet<long> there = [.. outline?.Templates ?? []];
        TemplateRecord[] add = [.. source.Templates.Where(t => !there.Contains(t.Id.Value) && vectors.ContainsKey(t.Id))
            .Select(t => new TemplateRecord(t.Id, vectors[t.Id], t.Quality, t.CreatedAt))];
        TemplateId[] remove = [.. there.Except(source.Templates.Select(t => t.Id.Value)).Select(id => new TemplateId(id))];
        int missing = source.Templates.Count - (there.Count - remove.Length) - add.Length;
        if (outline is not null && add.Length + remove.Length == 0 && outline.Version == source.Version && Same(outline.Metadata, source.Metadata))
            return missing;
        IdentityChange change = new()
        {
            OperationId = operationId,
            Identity = source.Id,
            Metadata = source.Metadata,
            Add = add,
            Remove = remove,
            Fingerprint = fingerprint,
            As = new IdentityStamp(source.Version, source.CreatedAt),
            At = source.UpdatedAt,
        };
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            CommitStatus status = remove.Length > 0 ? (await shard.EraseAsync(change)).Status : (await shard.CommitAsync(change)).Result.Status;
            if (status == CommitStatus.Applied)
                return missing;
            // The id is known there, from an attempt whose outcome has been changed since: the comparison above decides, not the id.
            change = change with { OperationId = FreshOperation() };
        }
        throw new FaceSearchException(ProblemTypes.Internal, 500, $"Identity '{source.Id}' could not be copied to the gallery's other generation.");
    }

    /// <summary>Erases the identity there; it need not be there.</summary>
    public static async Task EraseAsync(IdentityShards shards, string identity, string operationId, ulong fingerprint, DateTimeOffset at)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            (IGalleryShardGrain shard, IdentityOutline? outline) = await shards.OutlineAsync();
            ShardErasure erasure = await shard.EraseAsync(new IdentityChange
            {
                OperationId = attempt == 0 ? operationId : FreshOperation(),
                Identity = identity,
                Erase = true,
                Fingerprint = fingerprint,
                As = new IdentityStamp(0, at),
                At = at,
            });
            if (outline is null || erasure.Status is CommitStatus.Applied)
                return;
        }
        throw new FaceSearchException(ProblemTypes.Internal, 500, $"Identity '{identity}' could not be erased from the gallery's other generation.");
    }

    private static string FreshOperation() => $"copy-{Guid.NewGuid():n}";

    private static bool Same(IReadOnlyDictionary<string, string> a, IReadOnlyDictionary<string, string> b) =>
        a.Count == b.Count && a.All(p => b.TryGetValue(p.Key, out string? value) && value == p.Value);
}

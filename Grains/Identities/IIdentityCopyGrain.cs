namespace FaceSearch.Grains.Identities;

/// <summary>What a re-embedding asks of an identity; same key and same grain as <see cref="IIdentityGrain"/>.</summary>
[Alias("fs.IIdentityCopyGrain")]
public interface IIdentityCopyGrain : IGrainWithStringKey
{
    /// <summary>
    /// Makes the identity in the gallery's other generation what it is in the active one: adds the templates whose vectors are given,
    /// removes what is gone, and takes over metadata and version. Serialised with every other change of the identity; idempotent.
    /// </summary>
    /// <param name="to">The other generation; nothing happens if there is no such one any more.</param>
    /// <param name="viewVersion">The gallery's view that the caller knows.</param>
    /// <param name="vectors">Embeddings of the other generation.</param>
    /// <returns>Templates that the other generation lacks afterwards.</returns>
    [Alias("Copy")] Task<int> CopyAsync(int to, long viewVersion, IReadOnlyDictionary<TemplateId, Embedding> vectors);
}

namespace FaceSearch;

/// <summary>What a key may do. Each role includes those below it.</summary>
public enum ApiRole
{
    /// <summary>Identify, verify, detect, read.</summary>
    Identify = 1,

    /// <summary>Also enrol, change and erase identities.</summary>
    Enrol = 2,

    /// <summary>Also galleries, models and keys.</summary>
    Admin = 3,
}

/// <summary>A key without its secret.</summary>
[GenerateSerializer, Immutable, Alias("fs.ApiKeyDescription")]
public sealed record ApiKeyDescription([property: Id(0)] string Id, [property: Id(1)] string Name, [property: Id(2)] ApiRole Role, [property: Id(3)] DateTimeOffset CreatedAt);

/// <summary>A new key: the only time its text is seen. The store keeps a hash.</summary>
[GenerateSerializer, Immutable, Alias("fs.NewApiKey")]
public sealed record NewApiKey([property: Id(0)] ApiKeyDescription Description, [property: Id(1)] string Key);

/// <summary>What a gateway needs to check keys without asking every time.</summary>
/// <param name="Id">Public part of the key.</param>
/// <param name="Sha256">Hash of the whole key text (256 random bits: no stretching is needed).</param>
/// <param name="Role">Its role.</param>
[GenerateSerializer, Immutable, Alias("fs.HashedApiKey")]
public sealed record HashedApiKey([property: Id(0)] string Id, [property: Id(1)] byte[] Sha256, [property: Id(2)] ApiRole Role);

/// <summary>The singleton key ring (key <see cref="Key"/>).</summary>
[Alias("fs.IApiKeyGrain")]
public interface IApiKeyGrain : IGrainWithStringKey
{
    public const string Key = "keys";

    [Alias("Create")] Task<NewApiKey> CreateAsync(string name, ApiRole role);

    /// <summary>Makes sure that this key text (from the server's configuration) is an admin key; idempotent.</summary>
    [Alias("Ensure")] Task EnsureAdminAsync(string keyText);

    [Alias("List")] Task<IReadOnlyList<ApiKeyDescription>> ListAsync();

    /// <summary>Revokes; the last admin key is refused.</summary>
    [Alias("Revoke")] Task RevokeAsync(string id);

    [Alias("Hashes")] Task<IReadOnlyList<HashedApiKey>> GetHashesAsync();
}

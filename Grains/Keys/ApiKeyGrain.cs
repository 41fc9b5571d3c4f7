using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace FaceSearch.Grains.Keys;

/// <summary>The key ring's stored state: hashes only.</summary>
[GenerateSerializer, Alias("fs.ApiKeyState")]
public sealed class ApiKeyState
{
    [Id(0)] public List<StoredApiKey> Keys { get; set; } = [];
}

/// <summary>One stored key.</summary>
[GenerateSerializer, Immutable, Alias("fs.StoredApiKey")]
public sealed record StoredApiKey([property: Id(0)] ApiKeyDescription Description, [property: Id(1)] byte[] Sha256);

/// <summary>
/// Makes, lists and revokes API keys. A key reads <c>fs_id_secret</c>; the secret is 256 random bits, so a plain SHA-256 of the text
/// is all that needs storing.
/// </summary>
[KeepAlive]
public sealed class ApiKeyGrain([PersistentState("keys")] IPersistentState<ApiKeyState> state, TimeProvider time) : Grain, IApiKeyGrain
{
    private const int MaxKeys = 1000;
    private const string ConfiguredId = "configured";

    public async Task<NewApiKey> CreateAsync(string name, ApiRole role)
    {
        if (name is not { Length: > 0 and <= 128 } || !Enum.IsDefined(role))
            throw FaceSearchException.Invalid("A key needs a name of 1 to 128 characters and a role: identify, enrol or admin.");
        if (state.State.Keys.Count >= MaxKeys)
            throw FaceSearchException.Invalid($"There are {MaxKeys} keys already. Revoke some first.");
        string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        string text = $"fs_{id}_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}";
        ApiKeyDescription description = new(id, name, role, time.GetUtcNow());
        state.State.Keys.Add(new StoredApiKey(description, Hash(text)));
        await state.SaveAsync(this);
        return new NewApiKey(description, text);
    }

    public async Task EnsureAdminAsync(string keyText)
    {
        if (keyText.Length < 24)
            throw FaceSearchException.Invalid("The configured admin key must have at least 24 characters.");
        byte[] hash = Hash(keyText);
        StoredApiKey? known = state.State.Keys.Find(k => k.Description.Id == ConfiguredId);
        if (known is not null && known.Sha256.AsSpan().SequenceEqual(hash))
            return;
        state.State.Keys.RemoveAll(k => k.Description.Id == ConfiguredId);
        state.State.Keys.Add(new StoredApiKey(new ApiKeyDescription(ConfiguredId, "from the server's configuration", ApiRole.Admin, time.GetUtcNow()), hash));
        await state.SaveAsync(this);
    }

    public Task<IReadOnlyList<ApiKeyDescription>> ListAsync() =>
        Task.FromResult<IReadOnlyList<ApiKeyDescription>>(state.State.Keys.Select(k => k.Description).ToArray());

    public async Task RevokeAsync(string id)
    {
        StoredApiKey key = state.State.Keys.Find(k => k.Description.Id == id)
            ?? throw new FaceSearchException(ProblemTypes.KeyNotFound, 404, $"There is no key '{id}'.");
        if (key.Description.Role == ApiRole.Admin && state.State.Keys.Count > 1 && state.State.Keys.Count(k => k.Description.Role == ApiRole.Admin) == 1)
            throw new FaceSearchException(ProblemTypes.LastAdminKey, 409, "This is the last admin key, and other keys depend on it. Create another admin key, or revoke the others first.");
        state.State.Keys.Remove(key);
        await state.SaveAsync(this);
    }

    public Task<IReadOnlyList<HashedApiKey>> GetHashesAsync() =>
        Task.FromResult<IReadOnlyList<HashedApiKey>>(state.State.Keys.Select(k => new HashedApiKey(k.Description.Id, k.Sha256, k.Description.Role)).ToArray());

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}

using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using FaceSearch.Storage;

namespace FaceSearch.Grains.Shards;

/// <summary>
/// Who the templates of a shard belong to: identity -> metadata and template ids, template id -> identity. Read by
/// searches without a lock while commits change it; each identity's state is one immutable object that is swapped whole.
/// </summary>
internal sealed class ShardDirectory
{
    private readonly ConcurrentDictionary<string, IdentityEntry> _identities = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<long, IdentityEntry> _owners = new();
    private long _identityCount;
    private long _templateCount;

    /// <summary>Live identities.</summary>
    public long Identities => Interlocked.Read(ref _identityCount);

    /// <summary>Live templates.</summary>
    public long Templates => Interlocked.Read(ref _templateCount);

    /// <summary>All entries, in no order; tolerates concurrent changes.</summary>
    public IEnumerable<IdentityEntry> Entries => _identities.Values;

    /// <summary>All template ids, in no order; tolerates concurrent changes.</summary>
    public IEnumerable<long> TemplateIds => _owners.Select(owner => owner.Key);

    public bool TryGet(string identity, [NotNullWhen(true)] out IdentityEntry? entry) => _identities.TryGetValue(identity, out entry);

    public bool TryGetOwner(long template, [NotNullWhen(true)] out IdentityEntry? entry) => _owners.TryGetValue(template, out entry);

    /// <summary>Creates the identity or replaces its state. Template ids that are new to it become owned, missing ones are forgotten.</summary>
    public void Set(string identity, IdentityState state)
    {
        if (!_identities.TryGetValue(identity, out IdentityEntry? entry))
        {
            entry = new IdentityEntry(identity, IdentityState.Empty);
            _identities[identity] = entry;
            Interlocked.Increment(ref _identityCount);
        }
        IdentityState old = entry.State;
        foreach (long template in state.Templates)
        {
            if (_owners.TryAdd(template, entry))
                Interlocked.Increment(ref _templateCount);
        }
        entry.State = state;
        foreach (long template in old.Templates)
        {
            if (Array.IndexOf(state.Templates, template) < 0)
                Disown(template);
        }
    }

    /// <summary>Forgets an identity and its templates; returns the template ids it had.</summary>
    public long[] Remove(string identity)
    {
        if (!_identities.TryRemove(identity, out IdentityEntry? entry))
            return [];
        Interlocked.Decrement(ref _identityCount);
        foreach (long template in entry.State.Templates)
            Disown(template);
        return entry.State.Templates;
    }

    private void Disown(long template)
    {
        if (_owners.TryRemove(template, out _))
            Interlocked.Decrement(ref _templateCount);
    }
}

/// <summary>One identity of a shard.</summary>
internal sealed class IdentityEntry(string id, IdentityState state)
{
    private volatile IdentityState _state = state;

    public string Id { get; } = id;

    public IdentityState State
    {
        get => _state;
        set => _state = value;
    }
}

/// <summary>What an identity is at one moment. Immutable.</summary>
internal sealed record IdentityState(long Version, IReadOnlyDictionary<string, string> Metadata, long[] Templates)
{
    public static IdentityState Empty { get; } = new(0, NoMetadata.Instance, []);

    public static IdentityState Of(StoredIdentity stored)
    {
        long[] templates = new long[stored.Templates.Count];
        for (int i = 0; i < templates.Length; i++)
            templates[i] = stored.Templates[i].Id.Value;
        return new IdentityState(stored.Version, NoMetadata.OrSame(stored.Metadata), templates);
    }
}

/// <summary>One shared empty dictionary: most of a million identities have no metadata.</summary>
internal static class NoMetadata
{
    public static IReadOnlyDictionary<string, string> Instance { get; } = new Dictionary<string, string>();

    public static IReadOnlyDictionary<string, string> OrSame(IReadOnlyDictionary<string, string> metadata) =>
        metadata.Count == 0 ? Instance : metadata;
}

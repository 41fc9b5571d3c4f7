using FaceSearch.Storage;
using FaceSearch.VectorIndex;

namespace FaceSearch.Grains.Shards;

/// <summary>
/// Brings an older directory and index to the present by the log's entries; replaying twice changes nothing. What entries say is
/// collected and then shown at once, one identity after the other as it is now, so that searches may go on meanwhile: vectors are added
/// before their owners are known and taken away after their owners are forgotten.
/// </summary>
internal sealed class ShardReplay(ShardDirectory directory, TieredIndex index)
{
    private const int ShownAtOnce = 4096;

    private readonly Dictionary<string, IdentityState?> _next = new(StringComparer.Ordinal);
    private readonly HashSet<long> _gone = [];
    private readonly Dictionary<ulong, string> _byHash = [];
    private bool _knowsAll;

    /// <summary>True if an entry removed templates or an identity.</summary>
    public bool Erased { get; private set; }

    /// <summary>The templates that entries removed.</summary>
    public List<TemplateId> Removed { get; } = [];

    /// <summary>Replays entries of which nothing is served before the end.</summary>
    public async Task RunAsync(IAsyncEnumerable<LogEntry> entries)
    {
        await foreach (LogEntry entry in entries)
        {
            Take(entry);
            if (_next.Count >= ShownAtOnce)
                Show();
        }
        Show();
    }

    public void Take(LogEntry entry)
    {
        switch (entry)
        {
            case LogEntry.TemplateAdded added:
                Add(added);
                break;
            case LogEntry.TemplateRemoved removed:
                Remove(removed.Template.Value);
                break;
            case LogEntry.IdentityChanged changed:
                Stage(changed.Identity, Current(changed.Identity) with { Version = changed.Version, Metadata = NoMetadata.OrSame(changed.Metadata) });
                break;
            case LogEntry.IdentityGone gone:
                Forget(gone.IdentityHash);
                break;
        }
    }

    /// <summary>Makes what was taken visible.</summary>
    public void Show()
    {
        foreach ((string identity, IdentityState? state) in _next)
        {
            if (state is null)
                directory.Remove(identity);
            else
                directory.Set(identity, state);
        }
        _next.Clear();
        foreach (long template in _gone)
            index.Remove(template);
        _gone.Clear();
    }

    /// <summary>A snapshot's index may hold templates of changes that came while it was written; those the log did not confirm go.</summary>
    public void DropUnowned()
    {
        if (index.Count == directory.Templates)
            return;
        foreach (long id in index.SnapshotIds())
        {
            if (!directory.TryGetOwner(id, out _))
                index.Remove(id);
        }
    }

    private void Add(LogEntry.TemplateAdded added)
    {
        long id = added.Template.Id.Value;
        _gone.Remove(id);
        if (!index.Contains(id))
            index.Add(id, added.Template.Embedding.Values);
        IdentityState state = Current(added.Identity);
        if (Array.IndexOf(state.Templates, id) < 0)
            state = state with { Templates = [.. state.Templates, id] };
        Stage(added.Identity, state);
    }

    private void Remove(long template)
    {
        Erased = true;
        Removed.Add(new TemplateId(template));
        _gone.Add(template);
        if (!directory.TryGetOwner(template, out IdentityEntry? owner) || (_next.TryGetValue(owner.Id, out IdentityState? staged) && staged is null))
            return;
        IdentityState state = staged ?? owner.State;
        Stage(owner.Id, state with { Templates = Array.FindAll(state.Templates, t => t != template) });
    }

    private void Forget(ulong hash)
    {
        Erased = true;
        if (!_byHash.ContainsKey(hash) && !_knowsAll)
        {
            foreach (IdentityEntry entry in directory.Entries)
                _byHash.TryAdd(IdentityHash.Of(entry.Id), entry.Id);
            _knowsAll = true;
        }
        if (!_byHash.TryGetValue(hash, out string? identity))
            return;
        _gone.UnionWith(Current(identity).Templates);
        _next[identity] = null;
    }

    private void Stage(string identity, IdentityState state)
    {
        _next[identity] = state;
        _byHash.TryAdd(IdentityHash.Of(identity), identity);
    }

    private IdentityState Current(string identity) => _next.TryGetValue(identity, out IdentityState? staged) ? staged ?? IdentityState.Empty
        : directory.TryGet(identity, out IdentityEntry? entry) ? entry.State
        : IdentityState.Empty;
}

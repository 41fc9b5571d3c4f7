using FaceSearch.Storage;
using FaceSearch.VectorIndex;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Grains.Shards;

/// <summary>Directory and index as rebuilt at opening.</summary>
/// <param name="Directory">Who owns which template.</param>
/// <param name="Index">The templates.</param>
/// <param name="SnapshotLsn">LSN of the snapshot they came from; 0 for a rebuild from the log alone.</param>
/// <param name="ErasurePending">Templates were removed after that snapshot: it (or free space of the log) may still hold their bytes.</param>
/// <param name="Removed">Those templates.</param>
/// <param name="Notice">What was found amiss and dealt with.</param>
/// <param name="SnapshotAt">When that snapshot was written.</param>
internal sealed record ShardState(ShardDirectory Directory, TieredIndex Index, long SnapshotLsn, bool ErasurePending, IReadOnlyList<TemplateId> Removed, string? Notice,
    DateTimeOffset? SnapshotAt = null);

/// <summary>
/// Opens a shard: fences earlier owners, loads the newest intact snapshot, replays what the log has since, and proves the result
/// against the log's counts. A damaged snapshot falls back to the older one and then to a rebuild; a damaged log is refused.
/// </summary>
internal static class ShardOpener
{
    public static async Task<Shard> OpenAsync(ShardParts parts, ShardId id, CancellationToken cancellationToken)
    {
        ITemplateLog log = await parts.Logs.OpenAsync(id, cancellationToken);
        try
        {
            ShardState state = await LoadAsync(parts, log, cancellationToken);
            if (state.Notice is not null)
                parts.Logger.LogWarning("Shard {Shard} opened with a notice: {Notice}", id, state.Notice);
            return new Shard(parts, log, state);
        }
        catch
        {
            await log.DisposeAsync();
            throw;
        }
    }

    private static async Task<ShardState> LoadAsync(ShardParts parts, ITemplateLog log, CancellationToken cancellationToken)
    {
        List<string> notices = [];
        if (log.RecoveryNotice is not null)
            notices.Add(log.RecoveryNotice);
        foreach (SnapshotInfo snapshot in await parts.Snapshots.ListAsync(log.Shard, cancellationToken))
        {
            if (snapshot.Label.Lsn > log.Head.Lsn)
                throw new LogDamagedException(log.Shard, $"a snapshot knows LSN {snapshot.Label.Lsn}, the log ends at {log.Head.Lsn}: acknowledged changes are missing");
            try
            {
                return await FromSnapshotAsync(parts, log, snapshot, notices, cancellationToken);
            }
            catch (Exception e) when (e is SnapshotDamagedException or IndexDamagedException or IndexVersionException or InvalidDataException or EndOfStreamException or LogDamagedException)
            {
                notices.Add($"snapshot {snapshot.Name} was not used: {e.Message}");
            }
        }
        if (notices.Count > 0)
            await log.VerifyAsync(cancellationToken);
        return await RebuildAsync(parts, log, notices, cancellationToken);
    }

    private static async Task<ShardState> FromSnapshotAsync(
        ShardParts parts, ITemplateLog log, SnapshotInfo snapshot, List<string> notices, CancellationToken cancellationToken)
    {
        string folder = await parts.Snapshots.OpenAsync(snapshot, cancellationToken);
        ShardDirectory directory = DirectoryFile.Load(Path.Combine(folder, DirectoryFile.Name));
        TieredIndex index = TieredIndex.Load(Path.Combine(folder, ShardMaintenance.IndexFile), VectorStorage.Memory, Options(parts));
        try
        {
            ShardReplay replay = new(directory, index);
            await replay.RunAsync(log.ReadAsync(snapshot.Label.Lsn, snapshot.Label.Digest, cancellationToken));
            replay.DropUnowned();
            Prove(log, directory, index);
            return new ShardState(directory, index, snapshot.Label.Lsn, replay.Erased, replay.Removed, Join(notices), snapshot.Label.CreatedAt);
        }
        catch
        {
            index.Dispose();
            throw;
        }
    }

    private static async Task<ShardState> RebuildAsync(ShardParts parts, ITemplateLog log, List<string> notices, CancellationToken cancellationToken)
    {
        ShardDirectory directory = new();
        TieredIndex index = new(Options(parts));
        try
        {
            ShardReplay replay = new(directory, index);
            await replay.RunAsync(log.ReadAsync(0, 0, cancellationToken));
            Prove(log, directory, index);
            // A rebuild reads what is there and not what is gone; the images of what is gone may be there still.
            IReadOnlyList<TemplateId> removed = parts.Crops is null ? [] : await log.ListRemovedAsync(cancellationToken);
            return new ShardState(directory, index, 0, replay.Erased, removed, Join(notices));
        }
        catch
        {
            index.Dispose();
            throw;
        }
    }

    private static void Prove(ITemplateLog log, ShardDirectory directory, TieredIndex index)
    {
        LogHead head = log.Head;
        if (directory.Identities != head.Identities || directory.Templates != head.Templates || index.Count != head.Templates)
        {
            throw new LogDamagedException(log.Shard,
                $"it counts {head.Identities} identities and {head.Templates} templates, but {directory.Identities}, {directory.Templates} and {index.Count} (indexed) were rebuilt");
        }
    }

    private static TieredOptions Options(ShardParts parts)
    {
        TieredOptions options = new() { Dimension = Embedding.Dimension, EfSearch = parts.Options.EfSearch };
        return parts.Options.GraphCrossover is int crossover ? options with { Crossover = crossover } : options;
    }

    private static string? Join(List<string> notices) => notices.Count == 0 ? null : string.Join(" ", notices);
}

/// <summary>Brings an older directory and index to the present by the log's entries; replaying twice changes nothing.</summary>
internal sealed class ShardReplay(ShardDirectory directory, TieredIndex index)
{
    private Dictionary<ulong, string>? _byHash;

    /// <summary>True if an entry removed templates or an identity.</summary>
    public bool Erased { get; private set; }

    /// <summary>The templates that entries removed.</summary>
    public List<TemplateId> Removed { get; } = [];

    public async Task RunAsync(IAsyncEnumerable<LogEntry> entries)
    {
        await foreach (LogEntry entry in entries)
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
                    Change(changed);
                    break;
                case LogEntry.IdentityGone gone:
                    Forget(gone.IdentityHash);
                    break;
            }
        }
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
        if (!index.Contains(id))
            index.Add(id, added.Template.Embedding.Values);
        IdentityState state = Current(added.Identity);
        if (Array.IndexOf(state.Templates, id) < 0)
            directory.Set(added.Identity, state with { Templates = [.. state.Templates, id] });
        _byHash?.TryAdd(IdentityHash.Of(added.Identity), added.Identity);
    }

    private void Remove(long template)
    {
        Erased = true;
        Removed.Add(new TemplateId(template));
        index.Remove(template);
        if (directory.TryGetOwner(template, out IdentityEntry? owner))
            directory.Set(owner.Id, owner.State with { Templates = Array.FindAll(owner.State.Templates, t => t != template) });
    }

    private void Change(LogEntry.IdentityChanged changed)
    {
        directory.Set(changed.Identity, Current(changed.Identity) with { Version = changed.Version, Metadata = NoMetadata.OrSame(changed.Metadata) });
        _byHash?.TryAdd(IdentityHash.Of(changed.Identity), changed.Identity);
    }

    private void Forget(ulong hash)
    {
        Erased = true;
        _byHash ??= directory.Entries.ToDictionary(e => IdentityHash.Of(e.Id), e => e.Id);
        if (!_byHash.Remove(hash, out string? identity))
            return;
        foreach (long template in directory.Remove(identity))
            index.Remove(template);
    }

    private IdentityState Current(string identity) =>
        directory.TryGet(identity, out IdentityEntry? entry) ? entry.State : IdentityState.Empty;
}

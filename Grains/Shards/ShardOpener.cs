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
            catch (Exception e) when (IsOfTheSnapshot(e))
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
        (ShardDirectory directory, TieredIndex index) = await LoadAsync(parts.Snapshots, snapshot, parts.Options, cancellationToken);
        try
        {
            ShardReplay replay = new(directory, index);
            await replay.RunAsync(log.ReadAsync(snapshot.Label.Lsn, snapshot.Label.Digest, cancellationToken));
            replay.DropUnowned();
            Prove(log.Shard, log.Head, directory, index);
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
        TieredIndex index = new(Options(parts.Options));
        try
        {
            ShardReplay replay = new(directory, index);
            await replay.RunAsync(log.ReadAsync(0, 0, cancellationToken));
            Prove(log.Shard, log.Head, directory, index);
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

    /// <summary>Directory and index as a snapshot holds them; the caller owns the index.</summary>
    public static async Task<(ShardDirectory Directory, TieredIndex Index)> LoadAsync(
        ISnapshotStore snapshots, SnapshotInfo snapshot, ShardOptions options, CancellationToken cancellationToken)
    {
        string folder = await snapshots.OpenAsync(snapshot, cancellationToken);
        ShardDirectory directory = DirectoryFile.Load(Path.Combine(folder, DirectoryFile.Name));
        return (directory, TieredIndex.Load(Path.Combine(folder, ShardMaintenance.IndexFile), VectorStorage.Memory, Options(options)));
    }

    /// <summary>Whether a snapshot that failed to load so is passed over.</summary>
    public static bool IsOfTheSnapshot(Exception e) =>
        e is SnapshotDamagedException or IndexDamagedException or IndexVersionException or InvalidDataException or EndOfStreamException or LogDamagedException;

    /// <exception cref="LogDamagedException">Directory and index are not what the log counts.</exception>
    public static void Prove(ShardId shard, LogHead head, ShardDirectory directory, TieredIndex index)
    {
        if (directory.Identities != head.Identities || directory.Templates != head.Templates || index.Count != head.Templates)
        {
            throw new LogDamagedException(shard,
                $"it counts {head.Identities} identities and {head.Templates} templates, but {directory.Identities}, {directory.Templates} and {index.Count} (indexed) were rebuilt");
        }
    }

    public static TieredOptions Options(ShardOptions shard)
    {
        TieredOptions options = new() { Dimension = Embedding.Dimension, EfSearch = shard.EfSearch };
        return shard.GraphCrossover is int crossover ? options with { Crossover = crossover } : options;
    }

    private static string? Join(List<string> notices) => notices.Count == 0 ? null : string.Join(" ", notices);
}

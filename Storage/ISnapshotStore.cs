namespace FaceSearch.Storage;

/// <summary>
/// Keeps the derived state of shards (index and directory files) so that a restart needs no rebuild. Snapshots are
/// disposable: losing all of them costs time, never data.
/// </summary>
public interface ISnapshotStore
{
    /// <summary>
    /// Writes one snapshot atomically: <paramref name="write"/> puts files into a temporary folder; then every file is
    /// checksummed and flushed, a manifest is written, the folder is renamed into place and its parent flushed. Keeps the two
    /// newest snapshots of the shard.
    /// </summary>
    ValueTask<SnapshotInfo> WriteAsync(ShardId shard, SnapshotLabel label, Func<string, CancellationToken, ValueTask> write, CancellationToken cancellationToken = default);

    /// <summary>Snapshots that have a readable manifest, newest first. Files are verified by <see cref="OpenAsync"/>.</summary>
    ValueTask<IReadOnlyList<SnapshotInfo>> ListAsync(ShardId shard, CancellationToken cancellationToken = default);

    /// <summary>Verifies every byte of a snapshot and returns a local folder whose files may be memory-mapped until it is deleted.</summary>
    /// <exception cref="SnapshotDamagedException">A file is missing, has another length or another checksum.</exception>
    ValueTask<string> OpenAsync(SnapshotInfo snapshot, CancellationToken cancellationToken = default);

    /// <summary>Deletes snapshots older than the given LSN, and damaged or unfinished leftovers; idempotent.</summary>
    ValueTask<int> DeleteBeforeAsync(ShardId shard, long lsn, CancellationToken cancellationToken = default);

    /// <summary>Deletes all snapshots of a gallery; idempotent.</summary>
    ValueTask DeleteGalleryAsync(string gallery, CancellationToken cancellationToken = default);

    /// <summary>Deletes all snapshots of one generation of a gallery; idempotent.</summary>
    ValueTask DeleteGenerationAsync(string gallery, int generation, CancellationToken cancellationToken = default);
}

/// <summary>What a snapshot stands for.</summary>
/// <param name="Lsn">Every change up to here is in it.</param>
/// <param name="Digest">Digest of the log's live rows at that LSN (<see cref="LogHead.Digest"/>).</param>
/// <param name="Epoch">Epoch of its writer.</param>
/// <param name="CreatedAt">When.</param>
public sealed record SnapshotLabel(long Lsn, ulong Digest, long Epoch, DateTimeOffset CreatedAt);

/// <summary>A stored snapshot.</summary>
public sealed record SnapshotInfo(ShardId Shard, SnapshotLabel Label, string Name, long Bytes);

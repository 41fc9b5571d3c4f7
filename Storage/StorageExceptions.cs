namespace FaceSearch.Storage;

/// <summary>Base of everything a store can refuse.</summary>
public abstract class StorageException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Another opener owns the shard now; this handle must stop.</summary>
public sealed class EpochFencedException(ShardId shard, long epoch)
    : StorageException($"Shard {shard} was opened elsewhere: epoch {epoch} is no longer current.");

/// <summary>A write or flush failed: nothing may be acknowledged until the log is opened again.</summary>
public sealed class LogPoisonedException(ShardId shard, Exception inner)
    : StorageException($"A write to the log of shard {shard} failed; it must be reopened before it accepts changes.", inner);

/// <summary>No space: nothing was written, and later commits may succeed.</summary>
public sealed class StorageFullException(string what, Exception inner)
    : StorageException($"No space left for {what}. Free some space; nothing needs restarting.", inner)
{
    public StorageFullException(ShardId shard, Exception inner) : this($"the log of shard {shard}", inner)
    {
    }
}

/// <summary>Retained images or their keys contradict their seals.</summary>
public sealed class CropStoreDamagedException(string what, Exception? inner = null)
    : StorageException($"The store of retained images is damaged: {what}. Restore it from a backup.", inner);

/// <summary>Stored bytes contradict their checksums. The shard refuses to serve rather than answer wrongly.</summary>
public sealed class LogDamagedException(ShardId shard, string what, Exception? inner = null)
    : StorageException($"The log of shard {shard} is damaged: {what}. Restore it from a backup.", inner);

/// <summary>Stored grain state contradicts its checksum.</summary>
public sealed class GrainStorageDamagedException(string what, Exception? inner = null)
    : StorageException($"The grain storage is damaged: {what}. Restore it from a backup.", inner);

/// <summary>A snapshot's bytes contradict its manifest; it is skipped.</summary>
public sealed class SnapshotDamagedException(string snapshot, string what, Exception? inner = null)
    : StorageException($"Snapshot {snapshot} is damaged: {what}.", inner);

/// <summary>The store cannot be reached or read now.</summary>
public class StorageUnavailableException(string what, Exception? inner) : StorageException(what, inner);

/// <summary>The store has no memory or no connection left at the moment: nothing was written, what is open may go on, and later commits may succeed.</summary>
public sealed class StorageBusyException(string what, Exception inner) : StorageUnavailableException(what, inner);

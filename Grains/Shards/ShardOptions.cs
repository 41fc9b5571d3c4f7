namespace FaceSearch.Grains.Shards;

/// <summary>How shards behave; section <c>Shards</c>.</summary>
public sealed class ShardOptions
{
    /// <summary>Threads of this silo that search, apart from the grain scheduler and the thread pool. 0: one a processor.</summary>
    public int SearchThreads { get; set; }

    /// <summary>Searches that may wait for a thread; beyond it a search is refused as overloaded.</summary>
    public int SearchQueue { get; set; } = 1024;

    /// <summary>A snapshot is written once this many changes are not in the newest one...</summary>
    public int SnapshotAfterChanges { get; set; } = 20_000;

    /// <summary>...or this share of the shard's templates, whichever is more.</summary>
    public double SnapshotAfterShare { get; set; } = 0.2;

    /// <summary>A quiet shard with unsaved changes is snapshotted after this time.</summary>
    public TimeSpan SnapshotWhenQuiet { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How often ownership (the epoch) is revalidated.</summary>
    public TimeSpan EpochCheck { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>A shard whose epoch was not revalidated for this long serves no reads (another silo may own it).</summary>
    public TimeSpan EpochLease { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a call waits for a shard that is still loading before it is told to come back.</summary>
    public TimeSpan LoadWait { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>efSearch of the graph: at 1,000,000 templates 512 finds the true best of 98 searches in 100 (bench/results); fewer is faster and misses more.</summary>
    public int EfSearch { get; set; } = 512;

    /// <summary>
    /// Lets a graph walk stop once the decision at the gallery's threshold is all but certain. Off by default: it is faster, and it
    /// costs recall where the threshold lies among impostor scores.
    /// </summary>
    public bool EarlyDecision { get; set; }

    /// <summary>How long the silos of a cluster must have been the same before shards move to where they are seated now. Zero: they never move.</summary>
    public TimeSpan MoveAfter { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>For tests: number of the shard whose every search takes <see cref="SlowBy"/> longer; -1: all of this silo.</summary>
    public int? SlowShard { get; set; }

    /// <summary>For tests: see <see cref="SlowShard"/>.</summary>
    public TimeSpan SlowBy { get; set; }

    /// <summary>Number of templates from which a shard's index answers from the graph instead of the exact scan; null: the index's own default.</summary>
    public int? GraphCrossover { get; set; }
}

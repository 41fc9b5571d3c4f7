using FaceSearch.Grains.Galleries;
using FaceSearch.Grains.Shards;
using FaceSearch.VectorIndex;
using FaceSearch.VectorIndex.Clustering;

namespace FaceSearch.Grains.Clustering;

/// <summary>How a run reports what it does.</summary>
internal delegate void ClusterReport(ClusterJobStage stage, long done, long total);

/// <summary>
/// One clustering from beginning to end, on the calling thread: reads the templates of all shards into an index of its own, searches
/// the neighbours of those that are new, joins. The index's native memory is returned and every vector forgotten when it ends.
/// </summary>
internal sealed class ClusterRun(IGrainFactory grains, GalleryView view, float threshold, ClusterGraph? known, ClusterReport report, CancellationToken cancellation)
{
    /// <summary>Ids a call: 8 MiB.</summary>
    private const int ListPage = 1 << 20;

    /// <summary>Templates a call: half a MiB of vectors, so that a shard's other callers hardly wait.</summary>
    private const int ExportPage = 1024;

    /// <summary>How often a shard that is loading is asked again, once a second or as it says.</summary>
    private const int Attempts = 120;

    private readonly Dictionary<long, string> _owners = [];

    /// <summary>Templates gathered so far.</summary>
    public int Templates => _owners.Count;

    /// <summary>Templates whose neighbours were known.</summary>
    public int Reused { get; private set; }

    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="FaceSearchException">A shard cannot be read, or the gallery is gone.</exception>
    public ClusterResult Execute()
    {
        using TieredIndex index = new(new TieredOptions { Dimension = Embedding.Dimension, BuildThreads = 1 });
        Gather(index);
        Link(index);
        ClusterModel model = new(index, new ClusterOptions { Threshold = threshold, Threads = 1 });
        long[] searched = [], fresh;
        if (known is not null && known.Threshold == threshold && known.Generation == view.Generation)
        {
            searched = [.. _owners.Keys.Where(known.Templates.Contains).Order()];
            model.Restore(searched, known.Edges);
            fresh = [.. _owners.Keys.Where(id => !known.Templates.Contains(id)).Order()];
        }
        else
        {
            fresh = [.. _owners.Keys.Order()];
        }
        Reused = searched.Length;
        model.Add(fresh, new Progress(report), cancellation);
        FoundGroup[] groups = [.. model.Groups(minSize: 2).Select(ids => Describe(ids, index))];
        return new ClusterResult(groups, new ClusterGraph(threshold, view.Generation, [.. _owners.Keys], model.Edges()));
    }

    private void Gather(TieredIndex index)
    {
        (IGalleryShardGrain Shard, long[] Templates)[] all = [.. Enumerable.Range(0, view.Map.ShardCount)
            .Select(n => grains.GetGrain<IGalleryShardGrain>(view.Shard(n).ToString()))
            .Select(shard => (shard, List(shard)))];
        long total = all.Sum(s => s.Templates.LongLength), done = 0;
        report(ClusterJobStage.Gathering, 0, total);
        foreach ((IGalleryShardGrain shard, long[] templates) in all)
        {
            foreach (long[] page in templates.Chunk(ExportPage))
            {
                Take(Ask(() => shard.ExportAsync(page)), index);
                report(ClusterJobStage.Gathering, done += page.Length, total);
            }
        }
    }

    private long[] List(IGalleryShardGrain shard)
    {
        List<long> all = [];
        while (true)
        {
            long after = all.Count == 0 ? 0 : all[^1];
            long[] page = Ask(() => shard.ListTemplatesAsync(after, ListPage));
            all.AddRange(page);
            if (page.Length < ListPage)
                return [.. all];
        }
    }

    private void Take(ShardExport page, TieredIndex index)
    {
        for (int i = 0; i < page.Templates.Length; i++)
        {
            if (_owners.TryAdd(page.Templates[i], page.Identities[i]))
                index.Add(page.Templates[i], page.Vectors.AsSpan(i * Embedding.Dimension, Embedding.Dimension));
        }
    }

    /// <summary>Above the crossover: waits until the index has moved everything into its graph. Disposing the index ends the wait as well.</summary>
    private void Link(TieredIndex index)
    {
        Task settled = Task.Factory.StartNew(index.Settle, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (!settled.Wait(200, cancellation))
            report(ClusterJobStage.Indexing, index.UsesGraph ? index.Count - index.TailLength : 0, index.Count);
    }

    private FoundGroup Describe(long[] ids, TieredIndex index)
    {
        double[] sum = new double[Embedding.Dimension];
        Span<float> vector = stackalloc float[Embedding.Dimension];
        double squares = 0;
        foreach (long id in ids)
        {
            index.TryGetVector(id, vector);
            for (int i = 0; i < sum.Length; i++)
            {
                sum[i] += vector[i];
                squares += (double)vector[i] * vector[i];
            }
        }
        double pairs = (double)ids.Length * (ids.Length - 1);
        ClusterMember[] members = [.. ids.Select(id => new ClusterMember(_owners[id], new TemplateId(id)))
            .OrderBy(m => m.Identity, StringComparer.Ordinal).ThenBy(m => m.Template.Value)];
        return new FoundGroup(members, (float)((sum.Sum(x => x * x) - squares) / pairs));
    }

    /// <summary>Blocks this thread, which is ours; a shard that asks to come back later is asked again.</summary>
    private T Ask<T>(Func<Task<T>> call)
    {
        for (int attempt = 1; ; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return call().WaitAsync(cancellation).GetAwaiter().GetResult();
            }
            catch (FaceSearchException e) when (e.RetryAfter is { } wait && attempt < Attempts)
            {
                cancellation.WaitHandle.WaitOne(wait);
            }
        }
    }

    private sealed class Progress(ClusterReport report) : IProgress<ClusterProgress>
    {
        public void Report(ClusterProgress value) =>
            report(value.Stage == ClusterStage.Searching ? ClusterJobStage.Searching : ClusterJobStage.Joining, value.Done, value.Total);
    }
}

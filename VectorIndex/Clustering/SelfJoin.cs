namespace FaceSearch.VectorIndex.Clustering;

/// <summary>How to search the neighbours of many stored vectors.</summary>
public sealed record SelfJoinOptions
{
    /// <summary>Neighbours of each vector, itself not counted: 1 to 4,095.</summary>
    public int MaxNeighbours { get; init; } = 64;

    /// <summary>Only neighbours of at least this score. Null takes all.</summary>
    public float? MinScore { get; init; }

    /// <summary>ef of the searches, where the index is a graph; 0 takes the index's default.</summary>
    public int EfSearch { get; init; } = 128;

    /// <summary>Threads that search. 1: the caller's own, and no other.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    internal void Validate() => Check(MaxNeighbours, EfSearch, Threads);

    internal static void Check(int maxNeighbours, int efSearch, int threads)
    {
        if (maxNeighbours is < 1 or >= VectorIndexBase.MaxResults)
            throw new ArgumentException($"MaxNeighbours is {maxNeighbours}, expected 1 to {VectorIndexBase.MaxResults - 1}.");
        if (efSearch < 0) throw new ArgumentException($"EfSearch is {efSearch}, expected 0 or more.");
        if (threads < 1) throw new ArgumentException($"Threads is {threads}, expected 1 or more.");
    }
}

/// <summary>Takes the neighbours of one vector, best first, itself left out. Called by one thread at a time.</summary>
public delegate void NeighbourSink(long id, ReadOnlySpan<Neighbour> neighbours);

/// <summary>
/// All-against-all: the nearest neighbours of each of many stored vectors. Over an exact index it passes over memory once for every
/// 32 vectors; over a graph each vector is a walk.
/// </summary>
public static class SelfJoin
{
    private const int BatchQueries = 32;

    /// <summary>Searches the neighbours of every id given, on <see cref="SelfJoinOptions.Threads"/> threads.</summary>
    /// <param name="index">Where the vectors are.</param>
    /// <param name="ids">Whose neighbours are wanted.</param>
    /// <param name="options">How many, and how close.</param>
    /// <param name="sink">Takes the results, in no particular order of ids.</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="cancellation">Ends the search between batches.</param>
    /// <exception cref="UnknownIdException">An id is not in the index.</exception>
    public static void Run(IVectorIndex index, ReadOnlyMemory<long> ids, SelfJoinOptions options, NeighbourSink sink,
        IProgress<ClusterProgress>? progress = null, CancellationToken cancellation = default)
    {
        options.Validate();
        int batches = (ids.Length + BatchQueries - 1) / BatchQueries;
        long done = 0;
        object delivery = new();
        Batch Next(int at, Batch batch)
        {
            ReadOnlySpan<long> part = ids.Span.Slice(at * BatchQueries, Math.Min(BatchQueries, ids.Length - (at * BatchQueries)));
            batch.Search(part);
            lock (delivery)
            {
                batch.Deliver(part, sink);
                done += part.Length;
                progress?.Report(new ClusterProgress(ClusterStage.Searching, done, ids.Length));
            }

            return batch;
        }

        if (options.Threads == 1)
        {
            var batch = new Batch(index, options);
            for (int at = 0; at < batches; at++)
            {
                cancellation.ThrowIfCancellationRequested();
                Next(at, batch);
            }

            return;
        }

        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Threads, CancellationToken = cancellation };
        try
        {
            Parallel.For(0, batches, parallel, () => new Batch(index, options), (at, _, batch) => Next(at, batch), static _ => { });
        }
        catch (AggregateException failures) when (failures.InnerExceptions.Count > 0)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
    }

    /// <summary>One thread's buffers.</summary>
    private sealed class Batch(IVectorIndex index, SelfJoinOptions options)
    {
        private readonly int _k = options.MaxNeighbours + 1;
        private readonly float[] _queries = new float[BatchQueries * index.Dimension];
        private readonly Neighbour[] _results = new Neighbour[BatchQueries * (options.MaxNeighbours + 1)];
        private readonly SearchOutcome[] _outcomes = new SearchOutcome[BatchQueries];

        public void Search(ReadOnlySpan<long> ids)
        {
            for (int q = 0; q < ids.Length; q++) StoredVector.Read(index, ids[q], _queries.AsSpan(q * index.Dimension, index.Dimension));
            index.SearchBatch(_queries.AsSpan(0, ids.Length * index.Dimension), _k, _results, _outcomes.AsSpan(0, ids.Length),
                new SearchOptions { EfSearch = options.EfSearch, MinScore = options.MinScore });
        }

        public void Deliver(ReadOnlySpan<long> ids, NeighbourSink sink)
        {
            for (int q = 0; q < ids.Length; q++)
            {
                Span<Neighbour> found = _results.AsSpan(q * _k, _outcomes[q].Count);
                int kept = 0;
                foreach (Neighbour neighbour in found)
                {
                    if (neighbour.Id != ids[q]) found[kept++] = neighbour;
                }

                sink(ids[q], found[..Math.Min(kept, options.MaxNeighbours)]);
            }
        }
    }
}

using System.Runtime.InteropServices;

namespace FaceSearch.VectorIndex.Clustering;

/// <summary>
/// Groups the vectors of an index that seem to have one origin, and keeps the groups as vectors come and go.
/// <para>
/// <see cref="Add"/> of everything at once is the batch clustering. Later additions join the groups there are, or cause groups to be
/// joined; they never split one. <see cref="Regroup"/> starts again from the graph that is kept, without searching, and gives exactly
/// what a batch over the same graph gives.
/// </para>
/// <para>
/// The outcome depends on ids and vectors only, not on the order in which they are given or on threads (over an exact index): ties
/// are broken by the lower id. It keeps a copy of each vector. Not thread-safe; the index may be used by others meanwhile.
/// </para>
/// </summary>
public sealed class ClusterModel
{
    private readonly IVectorIndex _index;
    private readonly ClusterOptions _options;
    private readonly VectorRows _vectors;
    private readonly List<long> _ids = [];
    private readonly List<bool> _removed = [];
    private readonly Dictionary<long, int> _nodes = [];
    private readonly HashSet<ulong> _edges = [];
    private Agglomerator _groups;

    /// <summary>An empty model over an index, which stays the caller's.</summary>
    /// <exception cref="ArgumentException">An option is out of its bounds.</exception>
    public ClusterModel(IVectorIndex index, ClusterOptions? options = null)
    {
        _options = options ?? new ClusterOptions();
        _options.Validate();
        _index = index;
        _vectors = new VectorRows(index.Dimension);
        _groups = NewGroups();
    }

    /// <summary>How many ids the model holds.</summary>
    public int Count => _nodes.Count;

    /// <summary>True if the id was added and not removed.</summary>
    public bool Contains(long id) => _nodes.ContainsKey(id);

    /// <summary>
    /// Adds ids that the index holds, and groups them. If it is cancelled while it searches, nothing was added; while it joins, the
    /// ids are added, the groups are valid, and the next call goes on joining.
    /// </summary>
    /// <exception cref="DuplicateIdException">An id is already in the model, or is given twice.</exception>
    /// <exception cref="UnknownIdException">An id is not in the index.</exception>
    public void Add(ReadOnlyMemory<long> ids, IProgress<ClusterProgress>? progress = null, CancellationToken cancellation = default)
    {
        HashSet<long> fresh = [];
        foreach (long id in ids.Span)
        {
            if (_nodes.ContainsKey(id) || !fresh.Add(id)) throw new DuplicateIdException(id);
        }

        List<(long From, long To)> found = [];
        var join = new SelfJoinOptions
        {
            MaxNeighbours = _options.MaxNeighbours, MinScore = _options.EffectiveGraphScore, EfSearch = _options.EfSearch, Threads = _options.Threads,
        };
        SelfJoin.Run(_index, ids, join, (id, neighbours) =>
        {
            foreach (Neighbour other in neighbours)
            {
                if (_nodes.ContainsKey(other.Id) || fresh.Contains(other.Id)) found.Add((id, other.Id));
            }
        }, progress, cancellation);
        AddNodes(ids.Span, ReadVectors(ids.Span));
        foreach ((long from, long to) in found) Connect(_nodes[from], _nodes[to]);
        _groups.Run(progress, cancellation);
    }

    /// <summary>
    /// The graph that is kept, as pairs of ids: with <see cref="Restore"/> a later model goes on from it without a search, and
    /// without anybody having kept vectors meanwhile.
    /// </summary>
    public (long A, long B)[] Edges() =>
        [.. _edges.Where(edge => !_removed[Low(edge)] && !_removed[High(edge)]).Select(edge => (_ids[Low(edge)], _ids[High(edge)]))];

    /// <summary>
    /// Adds ids that an earlier model over the same vectors held, with the edges it found; nothing is searched. Edges that name
    /// another id are left out. Groups come with the next <see cref="Add"/> (of none, if there is nothing new).
    /// </summary>
    /// <exception cref="DuplicateIdException">An id is already in the model, or is given twice.</exception>
    /// <exception cref="UnknownIdException">An id is not in the index.</exception>
    public void Restore(ReadOnlySpan<long> ids, ReadOnlySpan<(long A, long B)> edges)
    {
        HashSet<long> fresh = [];
        foreach (long id in ids)
        {
            if (_nodes.ContainsKey(id) || !fresh.Add(id)) throw new DuplicateIdException(id);
        }

        AddNodes(ids, ReadVectors(ids));
        foreach ((long a, long b) in edges)
        {
            if (_nodes.TryGetValue(a, out int from) && _nodes.TryGetValue(b, out int to)) Connect(from, to);
        }
    }

    /// <summary>Removes an id and forgets its vector; false if it was not there. Its group stays together until <see cref="Regroup"/>.</summary>
    public bool Remove(long id)
    {
        if (!_nodes.Remove(id, out int node)) return false;
        _groups.Remove(node, _vectors[node]);
        _vectors[node].Clear();
        _removed[node] = true;
        return true;
    }

    /// <summary>Groups everything anew over the graph that is kept.</summary>
    public void Regroup(IProgress<ClusterProgress>? progress = null, CancellationToken cancellation = default)
    {
        _edges.RemoveWhere(edge => _removed[Low(edge)] || _removed[High(edge)]);
        Agglomerator groups = NewGroups();
        for (int node = 0; node < _ids.Count; node++) groups.AddNode(_ids[node], _vectors[node]);
        foreach (ulong edge in _edges) groups.AddEdge(Low(edge), High(edge));
        groups.Run(progress, cancellation);
        _groups = groups;
    }

    /// <summary>The ids grouped with an id, itself among them, ascending. Takes time in proportion to <see cref="Count"/>.</summary>
    /// <exception cref="UnknownIdException">The id is not in the model.</exception>
    public long[] GroupOf(long id)
    {
        if (!_nodes.TryGetValue(id, out int node)) throw new UnknownIdException(id);
        int root = _groups.Find(node);
        long[] members = [.. _nodes.Where(pair => _groups.Find(pair.Value) == root).Select(pair => pair.Key)];
        Array.Sort(members);
        return members;
    }

    /// <summary>The groups of at least <paramref name="minSize"/> ids: largest first, then by lowest id; ids ascending.</summary>
    public IReadOnlyList<long[]> Groups(int minSize = 1)
    {
        Dictionary<int, List<long>> byRoot = [];
        foreach ((long id, int node) in _nodes)
            (CollectionsMarshal.GetValueRefOrAddDefault(byRoot, _groups.Find(node), out _) ??= []).Add(id);
        List<long[]> groups = [];
        foreach (List<long> members in byRoot.Values)
        {
            if (members.Count < minSize) continue;
            members.Sort();
            groups.Add([.. members]);
        }

        groups.Sort(static (x, y) => x.Length != y.Length ? y.Length.CompareTo(x.Length) : x[0].CompareTo(y[0]));
        return groups;
    }

    private Agglomerator NewGroups() => new(_index.Dimension, _options.Linkage, _options.Threshold);

    private VectorRows ReadVectors(ReadOnlySpan<long> ids)
    {
        var vectors = new VectorRows(_index.Dimension);
        float[] vector = new float[_index.Dimension];
        foreach (long id in ids)
        {
            StoredVector.Read(_index, id, vector);
            vectors.Add(vector);
        }

        return vectors;
    }

    private void AddNodes(ReadOnlySpan<long> ids, VectorRows vectors)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            _vectors.Add(vectors[i]);
            _ids.Add(ids[i]);
            _removed.Add(false);
            _nodes.Add(ids[i], _groups.AddNode(ids[i], vectors[i]));
        }
    }

    private void Connect(int a, int b)
    {
        (int low, int high) = a < b ? (a, b) : (b, a);
        if (_edges.Add(((ulong)(uint)low << 32) | (uint)high)) _groups.AddEdge(a, b);
    }

    private static int Low(ulong edge) => (int)(edge >> 32);

    private static int High(ulong edge) => (int)(uint)edge;
}

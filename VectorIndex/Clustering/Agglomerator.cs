using System.Runtime.InteropServices;

namespace FaceSearch.VectorIndex.Clustering;

/// <summary>
/// Agglomerative grouping over a sparse graph: always joins the two most alike groups that an edge connects, until none reaches the
/// threshold. A group is a union-find tree, the sum of its vectors and its edges. Nodes and edges may be added between runs.
/// </summary>
internal sealed class Agglomerator(int dimension, Linkage linkage, float threshold)
{
    private readonly VectorRows _sums = new(dimension);
    private readonly List<Node> _nodes = [];
    private readonly List<List<int>?> _edges = [];
    private readonly JoinQueue _queue = new();
    private int _round;

    public int NodeCount => _nodes.Count;

    /// <summary>Adds a group of one. Returns its node.</summary>
    public int AddNode(long id, ReadOnlySpan<float> vector)
    {
        int node = _nodes.Count;
        _sums.Add(vector);
        _edges.Add(null);
        _nodes.Add(new Node { Parent = node, Size = 1, Name = id, Squared = VectorRows.Dot(vector, vector) });
        return node;
    }

    /// <summary>Connects the groups of two nodes.</summary>
    public void AddEdge(int a, int b)
    {
        a = Find(a);
        b = Find(b);
        if (a == b) return;
        (_edges[a] ??= []).Add(b);
        (_edges[b] ??= []).Add(a);
        Offer(a, b);
    }

    /// <summary>Takes a member's vector out of its group's sum. The group stays together.</summary>
    public void Remove(int node, ReadOnlySpan<float> vector)
    {
        int root = Find(node);
        Node group = _nodes[root];
        group.Size--;
        VectorRows.Accumulate(_sums[root], vector, -1);
        if (group.Size == 0) _sums[root].Clear();
        Refresh(root);
    }

    /// <summary>The node that stands for the group of a node.</summary>
    public int Find(int node)
    {
        while (_nodes[node].Parent != node)
        {
            Node child = _nodes[node];
            child.Parent = _nodes[child.Parent].Parent;
            node = child.Parent;
        }

        return node;
    }

    /// <summary>Joins what can be joined. If it is cancelled, the groups are valid and the next run goes on.</summary>
    public void Run(IProgress<ClusterProgress>? progress, CancellationToken cancellation)
    {
        long joins = 0;
        while (_queue.Count > 0)
        {
            if ((joins & 1023) == 0)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new ClusterProgress(ClusterStage.Joining, joins, _nodes.Count));
            }

            Join best = _queue.Pop();
            if (!Current(best.A, best.VersionA) || !Current(best.B, best.VersionB)) continue;
            Unite(best.A, best.B);
            joins++;
        }

        progress?.Report(new ClusterProgress(ClusterStage.Joining, joins, joins));
    }

    private bool Current(int node, int version) => _nodes[node].Parent == node && _nodes[node].Version == version;

    private void Unite(int a, int b)
    {
        if ((_edges[a]?.Count ?? 0) < (_edges[b]?.Count ?? 0)) (a, b) = (b, a);
        Node into = _nodes[a], from = _nodes[b];
        from.Parent = a;
        into.Size += from.Size;
        into.Name = Math.Min(into.Name, from.Name);
        VectorRows.Accumulate(_sums[a], _sums[b], 1);
        if (_edges[b] is { } moved) (_edges[a] ??= []).AddRange(moved);
        _edges[b] = null;
        Refresh(a);
    }

    /// <summary>A group has changed: one edge a neighbouring group is kept, and all likenesses are computed anew.</summary>
    private void Refresh(int root)
    {
        Node group = _nodes[root];
        group.Version++;
        group.Squared = VectorRows.Dot(_sums[root], _sums[root]);
        if (_edges[root] is not { } edges) return;
        int kept = 0;
        _round++;
        foreach (int edge in CollectionsMarshal.AsSpan(edges))
        {
            int other = Find(edge);
            if (other == root || _nodes[other].Mark == _round) continue;
            _nodes[other].Mark = _round;
            edges[kept++] = other;
            Offer(root, other);
        }

        edges.RemoveRange(kept, edges.Count - kept);
    }

    private void Offer(int a, int b)
    {
        Node x = _nodes[a], y = _nodes[b];
        if (x.Size == 0 || y.Size == 0) return;
        double score = LinkageScore.Of(linkage, x.Size, x.Squared, y.Size, y.Squared, VectorRows.Dot(_sums[a], _sums[b]));
        if (score < threshold) return;
        _queue.Push(new Join(score, Math.Min(x.Name, y.Name), Math.Max(x.Name, y.Name), a, b, x.Version, y.Version));
    }

    private sealed class Node
    {
        public int Parent;
        public int Size;
        public int Version;
        public int Mark;
        public long Name;
        public double Squared;
    }
}

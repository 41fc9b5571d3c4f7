using System.Runtime.CompilerServices;
using FaceSearch.VectorIndex.Memory;

namespace FaceSearch.VectorIndex.Graph;

/// <summary>
/// One layer of the graph: fixed-stride adjacency rows of <see cref="Width"/> node numbers, ended by -1 when not full.
/// On layer 0 a node's number is its slot. Upper layers number their few nodes densely and keep, for each, its slot and its number
/// one layer down. Rows are read without locks: every entry is a valid node at any moment.
/// </summary>
internal sealed unsafe class GraphLayer : IDisposable
{
    public const int End = -1;
    private const int Stripes = 4096;

    private readonly Lock _gate = new();
    private readonly NativeRegion _links;
    private readonly NativeRegion? _slots;
    private readonly NativeRegion? _below;
    private readonly Stack<int> _free = new();
    private readonly int[] _locks = new int[Stripes];
    private int _count;

    public GraphLayer(int level, int width, int maxNodes, bool hugePages)
    {
        Level = level;
        Width = width;
        _links = new NativeRegion((long)maxNodes * width * sizeof(int), hugePages && level == 0);
        if (level == 0) return;
        _slots = new NativeRegion((long)maxNodes * sizeof(int), hugePages: false);
        _below = new NativeRegion((long)maxNodes * sizeof(int), hugePages: false);
    }

    public int Level { get; }

    /// <summary>Most links of a node: 2M on layer 0, M above.</summary>
    public int Width { get; }

    /// <summary>Node numbers are below this.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Slot of each node on an upper layer; null on layer 0.</summary>
    public int* Slots => _slots is null ? null : (int*)_slots.Base;

    public int* Links(int node) => (int*)_links.Base + ((long)node * Width);

    public int SlotOf(int node) => _slots is null ? node : ((int*)_slots.Base)[node];

    public int Below(int node) => ((int*)_below!.Base)[node];

    /// <summary>Readies layer 0 for a slot: its row is empty.</summary>
    public void InitialiseSlot(int slot, int capacity)
    {
        lock (_gate)
        {
            _links.Commit((long)Math.Max(slot + 1, capacity) * Width * sizeof(int));
            if (slot >= _count) Volatile.Write(ref _count, slot + 1);
        }

        new Span<int>(Links(slot), Width).Fill(End);
    }

    /// <summary>Makes a node on an upper layer.</summary>
    public int AddNode(int slot, int below)
    {
        lock (_gate)
        {
            if (!_free.TryPop(out int node))
            {
                node = _count;
                _links.Commit((node + 1L) * Width * sizeof(int));
                _slots!.Commit((node + 1L) * sizeof(int));
                _below!.Commit((node + 1L) * sizeof(int));
            }

            new Span<int>(Links(node), Width).Fill(End);
            ((int*)_slots!.Base)[node] = slot;
            ((int*)_below!.Base)[node] = below;
            if (node == _count) Volatile.Write(ref _count, node + 1);
            return node;
        }
    }

    /// <summary>Number of the node of a slot on an upper layer, or -1.</summary>
    public int FindNode(int slot)
    {
        lock (_gate) return new ReadOnlySpan<int>(Slots, _count).IndexOf(slot);
    }

    /// <summary>Gives an upper node's number back, once nothing leads to it.</summary>
    public void FreeNode(int node)
    {
        lock (_gate)
        {
            ((int*)_slots!.Base)[node] = End;
            _free.Push(node);
        }
    }

    public int Degree(int node)
    {
        int* links = Links(node);
        int n = 0;
        while (n < Width && links[n] != End) n++;
        return n;
    }

    /// <summary>Replaces a row. The caller holds the node's lock, or nobody else can reach the node.</summary>
    public void Write(int node, ReadOnlySpan<int> neighbours)
    {
        int* links = Links(node);
        for (int i = 0; i < neighbours.Length; i++) Volatile.Write(ref links[i], neighbours[i]);
        for (int i = neighbours.Length; i < Width; i++) Volatile.Write(ref links[i], End);
    }

    public void Lock(int node)
    {
        ref int word = ref _locks[node & (Stripes - 1)];
        var spinner = default(SpinWait);
        while (Interlocked.CompareExchange(ref word, 1, 0) != 0) spinner.SpinOnce();
    }

    public void Unlock(int node) => Volatile.Write(ref _locks[node & (Stripes - 1)], 0);

    public int* BelowBase => (int*)_below!.Base;

    /// <summary>Makes room for the rows of a snapshot, to be copied to their places by its reader.</summary>
    public void BeginRestore(int nodes)
    {
        _links.Commit((long)nodes * Width * sizeof(int));
        _slots?.Commit((long)nodes * sizeof(int));
        _below?.Commit((long)nodes * sizeof(int));
        _count = nodes;
    }

    /// <summary>False if a restored number is out of range; else notes the free nodes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // runs once, over every link: never worth a slow first tier
    public bool CompleteRestore(int slots, int nodesBelow)
    {
        var links = new ReadOnlySpan<uint>(Links(0), checked(_count * Width));
        uint largest = 0;
        foreach (uint link in links)
        {
            // -1 wraps to 0: only real links count.
            largest = Math.Max(largest, link + 1);
        }

        if (largest > (uint)_count) return false;
        if (_slots is null) return true;
        for (int node = 0; node < _count; node++)
        {
            int slot = Slots[node];
            if (slot < End || slot >= slots || (uint)BelowBase[node] >= (uint)(Level == 1 ? slots : nodesBelow)) return false;
            if (slot == End) _free.Push(node);
        }

        return true;
    }

    public void Dispose()
    {
        _links.Dispose();
        _slots?.Dispose();
        _below?.Dispose();
    }
}

namespace FaceSearch.VectorIndex.Graph;

/// <summary>
/// Slots not yet in the graph, in order of arrival. Appended under a lock, read without one; what has been moved is dropped by
/// putting a shorter list in its place.
/// </summary>
internal sealed class TailList
{
    private readonly Lock _gate = new();
    private volatile Snapshot _now = new(new int[1024], 0);

    /// <summary>The slots as of now; the span stays valid, for its array is never overwritten below its length.</summary>
    public ReadOnlySpan<int> Slots
    {
        get
        {
            Snapshot now = _now;
            return new ReadOnlySpan<int>(now.Slots, 0, Volatile.Read(ref now.Count));
        }
    }

    public void Append(int slot)
    {
        lock (_gate)
        {
            Snapshot now = _now;
            if (now.Count < now.Slots.Length)
            {
                now.Slots[now.Count] = slot;
                Volatile.Write(ref now.Count, now.Count + 1);
                return;
            }

            var grown = new int[now.Slots.Length * 2];
            now.Slots.CopyTo(grown, 0);
            grown[now.Count] = slot;
            _now = new Snapshot(grown, now.Count + 1);
        }
    }

    /// <summary>Drops the first <paramref name="count"/> slots.</summary>
    public void DropFirst(int count)
    {
        lock (_gate)
        {
            Snapshot now = _now;
            var rest = new int[Math.Max(1024, now.Slots.Length)];
            now.Slots.AsSpan(count, now.Count - count).CopyTo(rest);
            _now = new Snapshot(rest, now.Count - count);
        }
    }

    private sealed class Snapshot(int[] slots, int count)
    {
        public readonly int[] Slots = slots;
        public int Count = count;
    }
}

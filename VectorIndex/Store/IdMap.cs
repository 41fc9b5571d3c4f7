using FaceSearch.VectorIndex.Memory;

namespace FaceSearch.VectorIndex.Store;

/// <summary>
/// Id to slot: open addressing with linear probing and backward-shift deletion. It holds slots only (the id is read through the
/// slot), so it costs about six bytes an id. Guarded by its owner's lock.
/// </summary>
internal sealed unsafe class IdMap(NativeRegion ids) : IDisposable
{
    private const int Empty = 0; // slot + 1 is stored, so that fresh memory is an empty table
    private NativeRegion? _table;
    private long _capacity;
    private long _count;

    public int Find(long id)
    {
        if (_count == 0) return -1;
        int* table = (int*)_table!.Base;
        for (long at = Home(id); ; at = at + 1 == _capacity ? 0 : at + 1)
        {
            int entry = table[at];
            if (entry == Empty) return -1;
            if (IdOf(entry - 1) == id) return entry - 1;
        }
    }

    /// <summary>Points an id, present or not, to a slot whose id is already written.</summary>
    public void Set(long id, int slot)
    {
        if ((_count + 1) * 5 > _capacity * 4) Rebuild(Math.Max(16, (long)(_capacity * 1.5)));
        int* table = (int*)_table!.Base;
        long at = Home(id);
        for (; table[at] != Empty; at = at + 1 == _capacity ? 0 : at + 1)
        {
            if (IdOf(table[at] - 1) != id) continue;
            table[at] = slot + 1;
            return;
        }

        table[at] = slot + 1;
        _count++;
    }

    /// <summary>Adds an id unless it is present.</summary>
    public bool TryAdd(long id, int slot)
    {
        if (Find(id) >= 0) return false;
        Set(id, slot);
        return true;
    }

    /// <summary>Removes an id that is present; its slot still holds the id.</summary>
    public void Remove(long id)
    {
        int* table = (int*)_table!.Base;
        long hole = Home(id);
        while (IdOf(table[hole] - 1) != id) hole = hole + 1 == _capacity ? 0 : hole + 1;
        for (long at = hole; ;)
        {
            at = at + 1 == _capacity ? 0 : at + 1;
            if (table[at] == Empty) break;
            long home = Home(IdOf(table[at] - 1));
            // An entry may move back into the hole unless its home lies cyclically in (hole, at].
            bool homeBetween = hole <= at ? home > hole && home <= at : home > hole || home <= at;
            if (homeBetween) continue;
            table[hole] = table[at];
            hole = at;
        }

        table[hole] = Empty;
        _count--;
    }

    /// <summary>Makes room for this many ids at once.</summary>
    public void EnsureCapacity(long ids)
    {
        if (ids * 5 > _capacity * 4) Rebuild((ids * 5 / 4) + 16);
    }

    public void Dispose() => _table?.Dispose();

    private long IdOf(int slot) => ((long*)ids.Base)[slot];

    private long Home(long id)
    {
        // Finaliser of SplitMix64 (Steele, Lea, Flood 2014), then multiply-shift onto the capacity.
        ulong x = (ulong)id;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        x ^= x >> 31;
        return (long)Math.BigMul(x, (ulong)_capacity, out _);
    }

    private void Rebuild(long capacity)
    {
        NativeRegion? old = _table;
        long oldCapacity = _capacity;
        _table = new NativeRegion(capacity * sizeof(int), hugePages: false);
        _table.Commit(capacity * sizeof(int));
        _capacity = capacity;
        _count = 0;
        if (old is null) return;
        int* entries = (int*)old.Base;
        int* table = (int*)_table.Base;
        for (long i = 0; i < oldCapacity; i++)
        {
            if (entries[i] == Empty) continue;
            long at = Home(IdOf(entries[i] - 1));
            while (table[at] != Empty) at = at + 1 == _capacity ? 0 : at + 1;
            table[at] = entries[i];
            _count++;
        }

        old.Dispose();
    }
}

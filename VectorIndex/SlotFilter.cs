namespace FaceSearch.VectorIndex;

/// <summary>A fixed set of ids as a bitmap over slots: what <see cref="IVectorIndex.CreateFilter"/> returns.</summary>
public sealed class SlotFilter : IIdFilter
{
    private readonly HashSet<long> _ids;
    private readonly ulong[] _slots;

    internal SlotFilter(object owner, HashSet<long> ids, ulong[] slots)
    {
        Owner = owner;
        _ids = ids;
        _slots = slots;
    }

    /// <summary>How many ids it accepts.</summary>
    public int Count => _ids.Count;

    internal object Owner { get; }

    /// <inheritdoc/>
    public bool Accepts(long id) => _ids.Contains(id);

    internal bool AcceptsSlot(int slot)
    {
        int word = slot >> 6;
        return (uint)word < (uint)_slots.Length && (_slots[word] >> (slot & 63) & 1) != 0;
    }
}

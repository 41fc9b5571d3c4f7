using System.Runtime.CompilerServices;
using FaceSearch.VectorIndex.Snapshots;
using Microsoft.Win32.SafeHandles;

namespace FaceSearch.VectorIndex.Store;

/// <summary>How a snapshot's reader fills an empty store.</summary>
internal sealed unsafe partial class SlotStore
{
    private byte[] _restoredMembers = [];

    /// <summary>After a restore: was the slot in the graph when the snapshot was written?</summary>
    public bool WasMember(int slot) => (uint)slot < (uint)_restoredMembers.Length && _restoredMembers[slot] == 2;

    public bool TryMapVectors(SafeFileHandle file, Section section) => _vectors!.TryMapFile(file, section.Offset, section.Length);

    /// <summary>Makes room for the sections of <paramref name="slots"/> slots, to be copied to their places by the reader.</summary>
    public void BeginRestore(int slots, float step, float maxResidual)
    {
        _codes.Dispose();
        _codes = NewCodes(step);
        _codes.NoteResidual(maxResidual);
        CommitSlots(slots);
        _high = slots;
    }

    /// <summary>Turns the file's states into the store's and builds the id map.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // runs once, over every slot: never worth a slow first tier
    public void CompleteRestore(long expectedCount)
    {
        _restoredMembers = new ReadOnlySpan<byte>(_states.Base, _high).ToArray();
        _map.EnsureCapacity(expectedCount);
        for (int slot = _high - 1; slot >= 0; slot--)
        {
            byte state = _restoredMembers[slot];
            if (state > 2) throw new IndexDamagedException("states", $"slot {slot} has unknown state {state}");
            SetState(slot, state == 0 ? SlotState.Free : SlotState.Live);
            if (state == 0)
            {
                _free.Push(slot);
                continue;
            }

            if (!_map.TryAdd(Ids[slot], slot)) throw new IndexDamagedException("ids", $"id {Ids[slot]} is there twice");
            _count++;
        }

        if (_count != expectedCount) throw new IndexDamagedException("states", $"{_count} live slots, expected {expectedCount}");
        _nextCalibration = Math.Max(FirstCalibration, _count) * 4L;
    }
}

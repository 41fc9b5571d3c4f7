namespace FaceSearch.VectorIndex.Store;

/// <summary>
/// Life of a slot: Free -> Pending (being written and linked) -> Live -> Dead (removed; bytes zeroed) -> Free, or
/// Live -> Superseded (its id has a newer vector; kept until no search can be looking) -> Free.
/// </summary>
internal enum SlotState : byte
{
    Free = 0,
    Pending = 1,
    Live = 2,
    Superseded = 3,
    Dead = 4,
}

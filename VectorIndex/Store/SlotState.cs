namespace FaceSearch.VectorIndex.Store;

/// <summary>
/// Life of a slot: Free -> Pending (being written and linked) -> Live -> Dying (removed: no result any more, but still a stepping stone
/// of walks until paths lead around it) -> Dead (bytes zeroed) -> Free, or Live -> Superseded (its id has a newer vector; kept until no
/// search can be looking) -> Dead -> Free.
/// </summary>
internal enum SlotState : byte
{
    Free = 0,
    Pending = 1,
    Live = 2,
    Superseded = 3,
    Dead = 4,
    Dying = 5,
}

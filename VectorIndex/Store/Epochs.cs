namespace FaceSearch.VectorIndex.Store;

/// <summary>
/// Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004): what a reader may still be looking at is given back only when
/// every operation that began before its retirement has ended.
/// </summary>
internal sealed class Epochs
{
    private readonly Lock _gate = new();
    private Participant[] _participants = [];
    private long _now = 1;

    /// <summary>One running operation at a time; <see cref="Begin"/> when idle is <see cref="long.MaxValue"/>.</summary>
    internal sealed class Participant
    {
        internal long Begin = long.MaxValue;
    }

    public Participant Join()
    {
        var participant = new Participant();
        lock (_gate) _participants = [.. _participants, participant];
        return participant;
    }

    public void Enter(Participant participant) => Interlocked.Exchange(ref participant.Begin, Volatile.Read(ref _now));

    public static void Exit(Participant participant) => Volatile.Write(ref participant.Begin, long.MaxValue);

    /// <summary>Stamps something as retired now.</summary>
    public long Retire() => Interlocked.Increment(ref _now) - 1;

    /// <summary>True if no operation that began at or before the stamp still runs.</summary>
    public bool Passed(long stamp)
    {
        foreach (Participant participant in Volatile.Read(ref _participants))
        {
            if (Volatile.Read(ref participant.Begin) <= stamp) return false;
        }

        return true;
    }
}

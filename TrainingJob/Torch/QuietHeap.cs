namespace FaceSearch.TrainingJob.Torch;

/// <summary>
/// No garbage collection while Torch computes a step. TorchSharp (0.107) passes numbers such as the 1 of <c>x.add_(1)</c>
/// as small native objects with finalisers and does not keep them alive during the native call; when another thread's
/// allocation starts a collection at that moment, the number is freed under Torch's hands ("Unknown scalar type", or
/// worse, another number). Seen after 130 steps with batches rendered on another thread. Collections between steps,
/// and those that the computing thread starts itself, do no harm.
/// </summary>
internal readonly struct QuietHeap : IDisposable
{
    /// <summary>What all threads may allocate during one step; a batch and its pictures take about 30 MB.</summary>
    private const long Budget = 200L << 20;

    private readonly bool _entered;

    private QuietHeap(bool entered) => _entered = entered;

    /// <summary>Until disposed; where the runtime refuses, or one is in force already, nothing changes.</summary>
    public static QuietHeap Enter()
    {
        if (System.Runtime.GCSettings.LatencyMode == System.Runtime.GCLatencyMode.NoGCRegion)
            return default;
        try
        {
            return new QuietHeap(GC.TryStartNoGCRegion(Budget));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentOutOfRangeException)
        {
            return default;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // More than the budget was allocated: the runtime has left the region by itself.
        if (_entered && System.Runtime.GCSettings.LatencyMode == System.Runtime.GCLatencyMode.NoGCRegion)
            GC.EndNoGCRegion();
    }
}

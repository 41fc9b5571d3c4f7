namespace FaceSearch.Vision;

/// <summary>Where ONNX Runtime computes.</summary>
public enum ExecutionProvider { Cpu, Cuda }

/// <summary>How ONNX sessions run.</summary>
public sealed record InferenceOptions
{
    /// <summary>The provider demanded; it is never replaced silently by another.</summary>
    public ExecutionProvider Provider { get; init; } = ExecutionProvider.Cpu;

    /// <summary>
    /// Threads inside one run. 1 (default) is best for throughput when several runs are concurrent; raise it for the
    /// latency of a lone request.
    /// </summary>
    public int IntraOpThreads { get; init; } = 1;

    /// <summary>
    /// Crops an embedder takes in one run; larger batches are split. The runtime keeps the memory of its largest run
    /// (MobileFaceNet: about 3 MB a row, two rows a crop when mirrored), and on a CPU a run of 8 is already as fast a
    /// crop as one of 32. Raise it for CUDA. Default 8.
    /// </summary>
    public int MaxCropsPerRun { get; init; } = 8;

    /// <summary>CUDA device number.</summary>
    public int CudaDevice { get; init; }
}

/// <summary>The demanded execution provider is not in this build or on this machine.</summary>
public sealed class ExecutionProviderUnavailableException(ExecutionProvider demanded, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What was demanded.</summary>
    public ExecutionProvider Demanded { get; } = demanded;
}

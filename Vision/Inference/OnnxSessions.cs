using Microsoft.ML.OnnxRuntime;

namespace FaceSearch.Vision;

/// <summary>Creates ONNX Runtime sessions on exactly the provider that was demanded.</summary>
internal static class OnnxSessions
{
    private const string CudaName = "CUDAExecutionProvider";

    /// <exception cref="ExecutionProviderUnavailableException">CUDA was demanded and cannot be used.</exception>
    /// <exception cref="ModelException">ONNX Runtime cannot load the model.</exception>
    public static InferenceSession Create(byte[] model, string name, InferenceOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.IntraOpThreads);
        using var settings = new SessionOptions
        {
            IntraOpNumThreads = options.IntraOpThreads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        settings.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        if (options.Provider == ExecutionProvider.Cuda)
            AppendCuda(settings, options.CudaDevice);
        try
        {
            return new InferenceSession(model, settings);
        }
        catch (OnnxRuntimeException e) when (options.Provider == ExecutionProvider.Cuda)
        {
            throw Unavailable("The CUDA provider could not start a session", e);
        }
        catch (OnnxRuntimeException e)
        {
            throw new ModelException($"ONNX Runtime cannot load model '{name}': {e.Message}", e);
        }
    }

    /// <summary>
    /// Both the missing library (here) and the missing device (when the session is made) throw: there is no silent
    /// fallback. Single shape operators may still be placed on the CPU, as the runtime prefers.
    /// </summary>
    private static void AppendCuda(SessionOptions settings, int device)
    {
        if (!OrtEnv.Instance().GetAvailableProviders().Contains(CudaName))
            throw Unavailable("This build of ONNX Runtime has no CUDA provider", null);
        try
        {
            settings.AppendExecutionProvider_CUDA(device);
        }
        catch (OnnxRuntimeException e)
        {
            throw Unavailable("The CUDA provider could not be loaded", e);
        }
    }

    private static ExecutionProviderUnavailableException Unavailable(string what, Exception? inner) => new(
        ExecutionProvider.Cuda,
        $"{what}, but the execution provider CUDA is demanded. Build with -p:OnnxRuntime=Gpu on a machine with a CUDA GPU and driver, or set the execution provider to CPU.",
        inner);
}

using System.Runtime.Intrinsics.X86;
using FaceSearch.TrainingJob.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Torch;

/// <summary>Where and in what precision Torch computes.</summary>
/// <param name="Device">CPU or CUDA.</param>
/// <param name="Mixed">
/// Convolve in bfloat16, with weights, norms and losses in float32. On a processor with AVX-512 BF16 a step takes half
/// the time (measured: 48 against 90 faces a second and core); elsewhere bfloat16 is emulated and slower.
/// </param>
public sealed record TorchRuntime(Device Device, bool Mixed)
{
    /// <summary>Chooses by the options and by what is there.</summary>
    /// <exception cref="TrainingException">A device was demanded that is not there.</exception>
    public static TorchRuntime Choose(TrainingOptions options)
    {
        if (options.Threads > 0)
            set_num_threads(options.Threads);
        bool gpu = options.Device switch
        {
            null => HasCuda(),
            "cpu" => false,
            "cuda" => HasCuda() ? true : throw new TrainingException("CUDA was demanded, but this build of libtorch or this machine has none. Use --device cpu, or install libtorch-cuda."),
            _ => throw new TrainingException($"The device must be cpu or cuda; got '{options.Device}'."),
        };
        return new TorchRuntime(gpu ? CUDA : CPU, options.MixedPrecision ?? (gpu || HasBf16()));
    }

    private static bool HasCuda()
    {
        try
        {
            return cuda.is_available();
        }
        catch (Exception e) when (e is NotSupportedException or TypeInitializationException)
        {
            return false;
        }
    }

    /// <summary>AVX512_BF16: leaf 7, sub-leaf 1, bit 5 of EAX (Intel SDM, CPUID).</summary>
    private static bool HasBf16() => X86Base.IsSupported && Avx512F.IsSupported && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;
}

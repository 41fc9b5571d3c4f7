using System.Runtime.Intrinsics.X86;
using FaceSearch.TrainingJob.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Torch;

/// <summary>Where and in what precision Torch computes.</summary>
/// <param name="Device">CPU or CUDA.</param>
/// <param name="Mixed">
/// Convolve in bfloat16, with weights, norms and losses in float32. It pays where the processor multiplies bfloat16 faster than float32
/// (measured, faces a second and core: AMD Zen 4 90 against 48; Intel Emerald Rapids whose AMX is hidden by the hypervisor 43 against 53).
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
        return new TorchRuntime(gpu ? CUDA : CPU, options.MixedPrecision ?? (gpu || HasFastBf16()));
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

    /// <summary>
    /// Tiles (AMX-BF16: leaf 7, bit 22 of EDX), or AVX512_BF16 (leaf 7, sub-leaf 1, bit 5 of EAX) on AMD, where
    /// it was measured to pay; on Intel without tiles it was measured not to (Intel SDM, CPUID; AMD APM volume 3).
    /// </summary>
    private static bool HasFastBf16()
    {
        if (!X86Base.IsSupported || !Avx512F.IsSupported)
            return false;
        bool tiles = (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0, vectors = (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;
        const int Auth = 0x68747541; // "Auth" of "AuthenticAMD"
        return vectors && (tiles || X86Base.CpuId(0, 0).Ebx == Auth);
    }
}

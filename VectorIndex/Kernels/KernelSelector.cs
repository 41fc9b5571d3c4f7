using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace FaceSearch.VectorIndex.Kernels;

/// <summary>
/// Which kernel runs here. Order: AVX-512 before AVX2 (a 128-d row is two registers instead of four, and the reduction of four rows
/// costs as much on either), then AdvSimd, then portable. FACESEARCH_KERNEL = avx512 | avx2 | advsimd | portable forces one.
/// </summary>
internal static unsafe class KernelSelector
{
    public const string Variable = "FACESEARCH_KERNEL";

    public static bool IsSupported(KernelKind kind) => kind switch
    {
        KernelKind.Avx512 => Avx512Kernel.IsSupported,
        KernelKind.Avx2 => Avx2Kernel.IsSupported,
        KernelKind.AdvSimd => AdvSimdKernel.IsSupported,
        _ => true,
    };

    public static ScoreKernel Create(KernelKind? wanted)
    {
        KernelKind kind = wanted ?? FromEnvironment() ?? Fastest();
        if (!IsSupported(kind)) throw new PlatformNotSupportedException($"Kernel {kind} was asked for, but this processor cannot run it.");
        return kind switch
        {
            KernelKind.Avx512 => new Avx512Kernel(),
            KernelKind.Avx2 => new Avx2Kernel(),
            KernelKind.AdvSimd => new AdvSimdKernel(),
            _ => new PortableKernel(),
        };
    }

    /// <summary>Asks the cache for every line of a row; a hint, so nothing where the platform has none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(void* row, int bytes)
    {
        if (!Sse.IsSupported) return;
        for (int i = 0; i < bytes; i += 64) Sse.Prefetch0((byte*)row + i);
    }

    private static KernelKind Fastest() =>
        IsSupported(KernelKind.Avx512) ? KernelKind.Avx512
        : IsSupported(KernelKind.Avx2) ? KernelKind.Avx2
        : IsSupported(KernelKind.AdvSimd) ? KernelKind.AdvSimd
        : KernelKind.Portable;

    private static KernelKind? FromEnvironment()
    {
        string? name = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(name)) return null;
        return Enum.TryParse(name, ignoreCase: true, out KernelKind kind) && Enum.IsDefined(kind)
            ? kind
            : throw new PlatformNotSupportedException($"{Variable}='{name}' names no kernel; expected avx512, avx2, advsimd or portable.");
    }
}

using FaceSearch.VectorIndex.Memory;

namespace FaceSearch.VectorIndex.Quantisation;

/// <summary>
/// The codes of all slots under one calibration. Re-calibrating makes a new table; searches that began with the old one finish on it.
/// </summary>
internal sealed unsafe class CodeTable(NativeRegion region, int stride, float step) : IDisposable
{
    private float _maxResidual;

    public NativeRegion Region { get; } = region;
    public int Stride { get; } = stride;

    /// <summary>Value of one code level.</summary>
    public float Step { get; } = step;

    /// <summary>Largest |x - x'| of any vector ever encoded here.</summary>
    public float MaxResidual => Volatile.Read(ref _maxResidual);

    public byte* Base => Region.Base;

    public byte* Row(int slot) => Region.Base + ((long)slot * Stride);

    /// <summary>Score of one integer unit of a kernel's result.</summary>
    public float Unit(in EncodedQuery query) => Step * query.Step;

    /// <summary>How far an estimated score can be from the true one; see <see cref="Quantiser"/>. Includes float32 rounding of the exact product.</summary>
    public float ErrorBound(in EncodedQuery query) => (1.001f * MaxResidual) + (query.Residual * (1.001f + MaxResidual)) + 2e-6f;

    public void NoteResidual(float residual)
    {
        float seen = _maxResidual;
        while (residual > seen)
        {
            float before = Interlocked.CompareExchange(ref _maxResidual, residual, seen);
            if (before == seen) return;
            seen = before;
        }
    }

    public void Dispose() => Region.Dispose();
}

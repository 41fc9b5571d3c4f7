namespace FaceSearch.Vision;

/// <summary>A square face crop, the input of an embedder and the only picture that travels to one.</summary>
/// <param name="Size">Side in pixels (112 for MobileFaceNet).</param>
/// <param name="Rgb">Size x Size x 3 bytes, RGB interleaved, row by row.</param>
public sealed record AlignedFace(int Size, byte[] Rgb)
{
    /// <summary>Never prints pixels.</summary>
    public override string ToString() => $"AlignedFace {Size}x{Size}";
}

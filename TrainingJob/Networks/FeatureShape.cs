namespace FaceSearch.TrainingJob.Networks;

/// <summary>
/// Size of one example's features between two layers: an image or feature map of channels x height x width, or a plain
/// vector (height and width 1). The batch dimension is never part of it.
/// </summary>
public readonly record struct FeatureShape(int Channels, int Height, int Width)
{
    /// <summary>A vector of <paramref name="length"/> numbers.</summary>
    public static FeatureShape Vector(int length) => new(length, 1, 1) { IsVector = true };

    /// <summary>Whether the tensor has two dimensions (batch, length) rather than four (batch, channels, height, width).</summary>
    public bool IsVector { get; private init; }

    /// <summary>Positions of a feature map.</summary>
    public int Positions => Height * Width;

    /// <summary>Numbers in all.</summary>
    public int Length => Channels * Positions;

    /// <summary>As the papers write it: 55x55x64, or 128 for a vector.</summary>
    public override string ToString() => IsVector ? $"{Channels}" : $"{Height}x{Width}x{Channels}";
}

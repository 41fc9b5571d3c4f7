using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace FaceSearch.Evaluation;

/// <summary>What a person's images are for.</summary>
public enum SplitPart
{
    /// <summary>Trained on.</summary>
    Train,

    /// <summary>Watched during training.</summary>
    Validation,

    /// <summary>Seen by no training; promotion is decided on these.</summary>
    Test,
}

/// <summary>
/// Divides people, never images, by a hash of their identity alone: the same person is on the same side in every run, on every
/// machine, whoever else comes or goes. Part of what a model's figures mean: never change it.
/// </summary>
public static class PeopleSplit
{
    /// <summary>The side of a person.</summary>
    /// <param name="identity">Identity id, or a folder's name.</param>
    /// <param name="validationShare">Share of people for validation, 0 to 1.</param>
    /// <param name="testShare">Share of people for the test; growing it moves people out of validation and training only.</param>
    public static SplitPart Of(string identity, double validationShare, double testShare)
    {
        if (!(testShare >= 0 && validationShare >= 0 && testShare + validationShare <= 1))
            throw new ArgumentOutOfRangeException(nameof(testShare), testShare, "The shares must not be negative, nor more than 1 together.");
        var position = Position(identity);
        return position < testShare ? SplitPart.Test : position < testShare + validationShare ? SplitPart.Validation : SplitPart.Train;
    }

    /// <summary>Uniform in [0, 1).</summary>
    private static double Position(string identity)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes("facesearch-split\n" + identity), digest);
        return (BinaryPrimitives.ReadUInt64LittleEndian(digest) >> 11) * (1.0 / (1UL << 53));
    }
}

using System.Numerics;
using System.Runtime.InteropServices;

namespace FaceSearch;

/// <summary>
/// A face embedding: 128 float32 values of unit L2 length, kept as 512 little-endian bytes so that Orleans copies it
/// as one block (and, being immutable, not at all on a local call). The inner product of two embeddings is their
/// score: higher is closer (FaceNet, Schroff et al. 2015, section 3).
/// </summary>
[GenerateSerializer, Immutable]
[Alias("fs.Embedding")]
[System.Text.Json.Serialization.JsonConverter(typeof(Http.EmbeddingJsonConverter))]
public sealed class Embedding
{
    /// <summary>Number of components.</summary>
    public const int Dimension = 128;

    /// <summary>Size in bytes.</summary>
    public const int ByteLength = Dimension * sizeof(float);

    /// <summary>How far the length of a vector that claims unit length may be from 1.</summary>
    public const float UnitTolerance = 1e-3f;

    [Id(0)]
    private readonly byte[] _bytes;

    private Embedding(byte[] bytes) => _bytes = bytes;

    /// <summary>The 128 components.</summary>
    public ReadOnlySpan<float> Values => MemoryMarshal.Cast<byte, float>(_bytes);

    /// <summary>The 512 bytes, little-endian float32.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Takes a vector that is already of unit length (within <see cref="UnitTolerance"/>).</summary>
    /// <exception cref="FormatException">Not 128 finite components, or not of unit length.</exception>
    public static Embedding FromUnit(ReadOnlySpan<float> values)
    {
        float length = Length(values);
        if (MathF.Abs(length - 1) > UnitTolerance)
            throw new FormatException($"An embedding must have unit L2 length; this one's is {length:G4}. Divide it by its norm.");
        return new Embedding(MemoryMarshal.AsBytes(values).ToArray());
    }

    /// <summary>Takes any vector that is not (nearly) zero and divides it by its L2 norm.</summary>
    /// <exception cref="FormatException">Not 128 finite components, or a zero vector.</exception>
    public static Embedding Normalise(ReadOnlySpan<float> values)
    {
        float length = Length(values);
        if (length < 1e-6f)
            throw new FormatException("An embedding of length zero has no direction: the model or the input is broken.");
        byte[] bytes = new byte[ByteLength];
        Span<float> unit = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
        for (int i = 0; i < Dimension; i++)
            unit[i] = values[i] / length;
        return new Embedding(bytes);
    }

    /// <summary>Reads 512 bytes as they were written by <see cref="Bytes"/>.</summary>
    /// <exception cref="FormatException">As <see cref="FromUnit"/>.</exception>
    public static Embedding FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != ByteLength)
            throw new FormatException($"An embedding is {ByteLength} bytes ({Dimension} little-endian float32); got {bytes.Length}.");
        return FromUnit(MemoryMarshal.Cast<byte, float>(bytes));
    }

    /// <summary>The inner product with another embedding, in [-1, 1] up to rounding; higher is closer.</summary>
    public float Score(Embedding other) => Score(other.Values);

    /// <summary>The inner product with 128 components of unit length.</summary>
    public float Score(ReadOnlySpan<float> other)
    {
        ReadOnlySpan<float> a = Values, b = other[..Dimension];
        Vector<float> sum = Vector<float>.Zero;
        for (int i = 0; i < Dimension; i += Vector<float>.Count)
            sum += new Vector<float>(a[i..]) * new Vector<float>(b[i..]);
        return Vector.Sum(sum);
    }

    private static float Length(ReadOnlySpan<float> values)
    {
        if (values.Length != Dimension)
            throw new FormatException($"An embedding has {Dimension} components; got {values.Length}.");
        double sum = 0;
        foreach (float v in values)
        {
            if (!float.IsFinite(v))
                throw new FormatException("An embedding's components must be finite; this one holds NaN or infinity.");
            sum += (double)v * v;
        }
        return (float)Math.Sqrt(sum);
    }

    /// <summary>Never the values: an embedding is a biometric secret.</summary>
    public override string ToString() => "Embedding(128)";
}

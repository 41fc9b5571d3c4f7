namespace FaceSearch.Evaluation;

/// <summary>Embeddings, one a row: <see cref="Rows"/> x <see cref="Dimension"/> float32, row-major, unit L2 norm.</summary>
public sealed class EmbeddingMatrix
{
    private readonly float[] values;

    /// <exception cref="ArgumentException">The number of values is no multiple of the dimension.</exception>
    public EmbeddingMatrix(float[] values, int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        if (values.Length % dimension != 0)
            throw new ArgumentException($"Expected a multiple of {dimension} values, got {values.Length}.", nameof(values));
        this.values = values;
        Dimension = dimension;
        Rows = values.Length / dimension;
    }

    /// <summary>Number of embeddings.</summary>
    public int Rows { get; }

    /// <summary>Values an embedding.</summary>
    public int Dimension { get; }

    /// <summary>All values, row-major.</summary>
    public ReadOnlySpan<float> Values => values;

    /// <summary>One embedding.</summary>
    public ReadOnlySpan<float> Row(int row) => values.AsSpan(row * Dimension, Dimension);

    /// <summary>A new matrix of the given rows, in the given order.</summary>
    public EmbeddingMatrix Select(ReadOnlySpan<int> rows)
    {
        var picked = new float[rows.Length * Dimension];
        for (var i = 0; i < rows.Length; i++) Row(rows[i]).CopyTo(picked.AsSpan(i * Dimension));
        return new EmbeddingMatrix(picked, Dimension);
    }

    /// <summary>Reads little-endian float32 rows with no header.</summary>
    public static EmbeddingMatrix ReadRaw(string path, int dimension)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length % sizeof(float) != 0)
            throw new InvalidDataException($"Expected a multiple of {sizeof(float)} bytes, got {bytes.Length}.");
        var values = new float[bytes.Length / sizeof(float)];
        Buffer.BlockCopy(bytes, 0, values, 0, bytes.Length);
        return new EmbeddingMatrix(values, dimension);
    }
}

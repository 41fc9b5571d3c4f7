using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Triplets;

/// <summary>Squared L2 distances from some or all embeddings of a set (the anchors) to every one of it.</summary>
public sealed class SquaredDistances
{
    private readonly float[] _values;

    /// <param name="values">anchors x count numbers, row by row.</param>
    /// <param name="count">Embeddings in the set.</param>
    /// <param name="first">Number of the first anchor; the others follow it.</param>
    /// <exception cref="ArgumentException">The lengths do not agree.</exception>
    public SquaredDistances(float[] values, int count, int first = 0)
    {
        if (count == 0 || values.Length % count != 0 || first + values.Length / count > count)
            throw new ArgumentException($"{values.Length} distances are not those of anchors {first}... to {count} embeddings.", nameof(values));
        (_values, Count, First, Anchors) = (values, count, first, values.Length / count);
    }

    /// <summary>Embeddings in the set.</summary>
    public int Count { get; }

    /// <summary>Number of the first anchor.</summary>
    public int First { get; }

    /// <summary>How many anchors there are.</summary>
    public int Anchors { get; }

    /// <summary>Distances of an anchor, by its number in the set, to every embedding.</summary>
    public ReadOnlySpan<float> From(int anchor) => _values.AsSpan((anchor - First) * Count, Count);

    /// <summary>Distances between all embeddings (n x d), read back to the host; no gradient is kept.</summary>
    public static SquaredDistances Of(Tensor embeddings) => Of(embeddings, 0, (int)embeddings.shape[0]);

    /// <summary>Distances of the embeddings from <paramref name="first"/> on, <paramref name="anchors"/> of them.</summary>
    public static SquaredDistances Of(Tensor embeddings, int first, int anchors)
    {
        using IDisposable _ = no_grad();
        using Tensor rows = embeddings.narrow(0, first, anchors);
        using Tensor matrix = Matrix(rows, embeddings);
        using Tensor host = matrix.cpu();
        return new SquaredDistances(host.data<float>().ToArray(), (int)embeddings.shape[0], first);
    }

    /// <summary>
    /// n x m distances of two sets, through which gradients pass: |x|^2 + |y|^2 - 2 x.y, not below 0. The vectors need
    /// not be of unit length.
    /// </summary>
    internal static Tensor Matrix(Tensor x, Tensor y)
    {
        using Tensor xs = x.square(), ys = y.square();
        using Tensor xx = xs.sum(1, keepdim: true), yy = ys.sum(1, keepdim: true);
        using Tensor yt = y.t(), yyt = yy.t();
        using Tensor xy = x.matmul(yt);
        // Numbers are held by name: TorchSharp (0.107) does not keep a temporary one alive during the native call.
        using Scalar zero = 0, two = 2;
        using Tensor twice = xy.mul(two);
        using Tensor squares = xx.add(yyt);
        using Tensor distances = squares.sub(twice);
        return distances.clamp_min(zero);
    }
}

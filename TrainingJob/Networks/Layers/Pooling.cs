using FaceSearch.TrainingJob.Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>Maximum of a square window.</summary>
public sealed record MaxPool(int Kernel, int Stride, int Padding = 0) : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => Shapes.Slide(Shapes.Map(inputs), Kernel, Stride, Padding);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) =>
        nn.functional.max_pool2d(inputs[0], Kernel, Stride, Padding);

    internal override string Emit(LayerEmission e) => e.Node("MaxPool", e.Inputs, Shapes.Window(Kernel, Stride, Padding));
}

/// <summary>Mean of a square window; padding counts as zeros.</summary>
public sealed record AveragePool(int Kernel, int Stride, int Padding = 0) : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => Shapes.Slide(Shapes.Map(inputs), Kernel, Stride, Padding);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) =>
        nn.functional.avg_pool2d(inputs[0], (long)Kernel, Stride, Padding);

    internal override string Emit(LayerEmission e) => e.Node("AveragePool", e.Inputs, [.. Shapes.Window(Kernel, Stride, Padding), OnnxAttribute.Int("count_include_pad", 1)]);
}

/// <summary>
/// L2 pooling: the root of the mean square of a square window. The mean rather than the sum, so that a window of equal
/// values gives that value and the branches of an Inception module stay of one scale.
/// </summary>
public sealed record L2Pool(int Kernel, int Stride, int Padding = 0) : Layer
{
    /// <summary>Under the root: its slope at zero is infinite.</summary>
    private const float Epsilon = 1e-6f;

    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => Shapes.Slide(Shapes.Map(inputs), Kernel, Stride, Padding);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite)
    {
        using Tensor squares = inputs[0].square();
        using Tensor mean = nn.functional.avg_pool2d(squares, (long)Kernel, Stride, Padding);
        using Scalar epsilon = Epsilon;
        using Tensor positive = mean.add(epsilon);
        return positive.sqrt();
    }

    internal override string Emit(LayerEmission e)
    {
        string squares = e.Node("Mul", [e.Inputs[0], e.Inputs[0]]);
        string mean = e.Node("AveragePool", [squares], [.. Shapes.Window(Kernel, Stride, Padding), OnnxAttribute.Int("count_include_pad", 1)]);
        return e.Node("Sqrt", [e.Node("Add", [mean, e.Scalar("epsilon", Epsilon)])]);
    }
}

/// <summary>Mean of every channel: a feature map becomes a vector.</summary>
public sealed record GlobalAveragePool : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => FeatureShape.Vector(Shapes.Map(inputs).Channels);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) => inputs[0].mean([2, 3]);

    internal override string Emit(LayerEmission e) => e.Node("Flatten", [e.Node("GlobalAveragePool", e.Inputs)], OnnxAttribute.Int("axis", 1));
}

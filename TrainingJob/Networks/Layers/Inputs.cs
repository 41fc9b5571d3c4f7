using FaceSearch.TrainingJob.Onnx;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>Where examples come in; node 0 of every network.</summary>
public sealed record Input(FeatureShape Shape) : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => Shape;

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) => throw new NotSupportedException("The input is given.");

    internal override string Emit(LayerEmission e) => throw new NotSupportedException("The input is given.");
}

/// <summary>The middle of an image: a network for upright crops takes the same square thumbnails as the others.</summary>
public sealed record CentreCrop(int Height, int Width) : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs)
    {
        FeatureShape x = Shapes.Map(inputs);
        return Height <= x.Height && Width <= x.Width ? x with { Height = Height, Width = Width } : throw new ArgumentException($"{Height}x{Width} is larger than {x}.");
    }

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite)
    {
        long[] shape = inputs[0].shape;
        using Tensor rows = inputs[0].narrow(2, (shape[2] - Height) / 2, Height);
        return rows.narrow(3, (shape[3] - Width) / 2, Width);
    }

    internal override string Emit(LayerEmission e)
    {
        int top = (e.InputShape.Height - Height) / 2, left = (e.InputShape.Width - Width) / 2;
        return e.Node("Slice", [e.Inputs[0], e.Indices("starts", top, left), e.Indices("ends", top + Height, left + Width), e.Indices("axes", 2, 3)]);
    }
}

/// <summary>
/// Grey from red, green and blue (weights of ITU-R BT.601, which sum to 1): a network for grey images takes the same
/// colour thumbnails as the others. The weights are fixed.
/// </summary>
public sealed record Grey : Layer
{
    private static readonly float[] Weights = [0.299f, 0.587f, 0.114f];

    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs)
    {
        FeatureShape x = Shapes.Map(inputs);
        return x.Channels == 3 ? x with { Channels = 1 } : throw new ArgumentException($"Grey is made of three colour planes; got {x}.");
    }

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite)
    {
        using Tensor weights = tensor(Weights, [1, 3, 1, 1], device: inputs[0].device);
        return nn.functional.conv2d(inputs[0], weights);
    }

    internal override string Emit(LayerEmission e) => e.Node("Conv", [e.Inputs[0], e.Constant("weight", [1, 3, 1, 1], Weights)]);
}

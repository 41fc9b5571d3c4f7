using FaceSearch.TrainingJob.Onnx;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>max(x, 0).</summary>
public sealed record Relu : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => Shapes.One(inputs);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) => overwrite ? inputs[0].relu_() : inputs[0].relu();

    internal override string Emit(LayerEmission e) => e.Node("Relu", e.Inputs);
}

/// <summary>x where positive, else a trained multiple of x per channel (He et al., 2015); starts at 1/4.</summary>
public sealed record PRelu : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => Shapes.One(inputs);

    /// <inheritdoc/>
    public override long Parameters(FeatureShape input) => input.Channels;

    internal override nn.Module CreateModule(FeatureShape input) => nn.PReLU(input.Channels);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) => module!.Call(inputs[0]);

    internal override string Emit(LayerEmission e)
    {
        var prelu = (TorchSharp.Modules.PReLU)e.Module!;
        long[] dims = e.InputShape.IsVector ? [e.InputShape.Channels] : [e.InputShape.Channels, 1, 1];
        return e.Node("PRelu", [e.Inputs[0], e.Constant("slope", prelu.weight!, dims)]);
    }
}

/// <summary>
/// Element-wise maximum of the two halves of the channels: Light CNN's max-feature-map (MFM 2/1) on maps, and the
/// maxout of two pieces of FaceNet's NN1 on vectors.
/// </summary>
public sealed record MaxOfHalves : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs)
    {
        FeatureShape x = Shapes.One(inputs);
        if (x.Channels % 2 != 0)
            throw new ArgumentException($"{x.Channels} channels have no two halves.");
        return x with { Channels = x.Channels / 2 };
    }

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite)
    {
        long half = inputs[0].shape[1] / 2;
        using Tensor first = inputs[0].narrow(1, 0, half), second = inputs[0].narrow(1, half, half);
        return maximum(first, second);
    }

    internal override string Emit(LayerEmission e)
    {
        int half = e.InputShape.Channels / 2;
        string[] halves = e.Nodes("Split", 2, [e.Inputs[0], e.Indices("halves", half, half)], OnnxAttribute.Int("axis", 1));
        return e.Node("Max", halves);
    }
}

/// <summary>Sets a share of the numbers to zero while training; nothing in use.</summary>
public sealed record Dropout(double Share) : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => Shapes.One(inputs);

    internal override nn.Module CreateModule(FeatureShape input) => nn.Dropout(Share);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) => module!.Call(inputs[0]);

    internal override string Emit(LayerEmission e) => e.Inputs[0];
}

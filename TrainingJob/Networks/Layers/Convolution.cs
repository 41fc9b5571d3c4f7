using FaceSearch.TrainingJob.Onnx;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>A convolution with square kernel and zero padding.</summary>
/// <param name="Channels">Output channels.</param>
/// <param name="Kernel">Side of the kernel.</param>
/// <param name="Stride">Step of the kernel.</param>
/// <param name="Padding">Zeros on every side; null keeps the size at stride 1 (half the kernel).</param>
/// <param name="Groups">Groups of channels that do not see one another; the input's channels for a depthwise convolution.</param>
/// <param name="Bias">Add a bias; false where a batch norm follows.</param>
public sealed record Convolution(int Channels, int Kernel, int Stride = 1, int? Padding = null, int Groups = 1, bool Bias = true) : Layer
{
    private int Pad => Padding ?? Kernel / 2;

    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs)
    {
        FeatureShape x = Shapes.Map(inputs);
        if (x.Channels % Groups != 0 || Channels % Groups != 0)
            throw new ArgumentException($"{Groups} groups divide neither or only one of {x.Channels} input and {Channels} output channels.");
        return new FeatureShape(Channels, Shapes.Slide(x.Height, Kernel, Stride, Pad), Shapes.Slide(x.Width, Kernel, Stride, Pad));
    }

    /// <inheritdoc/>
    public override long Parameters(FeatureShape input) => (long)Channels * (input.Channels / Groups) * Kernel * Kernel + (Bias ? Channels : 0);

    /// <inheritdoc/>
    public override long MultiplyAdds(FeatureShape input, FeatureShape output) => Parameters(input) * output.Positions;

    internal override bool AbsorbsBatchNorm => true;

    internal override bool KeepsOutput => false;

    internal override nn.Module CreateModule(FeatureShape input) =>
        nn.Conv2d(input.Channels, Channels, Kernel, stride: Stride, padding: Pad, groups: Groups, bias: Bias);

    /// <summary>Mixed precision: an input of bfloat16 is convolved in bfloat16, with weights rounded from the trained floats.</summary>
    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite)
    {
        var conv = (TorchSharp.Modules.Conv2d)module!;
        if (inputs[0].dtype == conv.weight!.dtype)
            return module!.Call(inputs[0]);
        using Tensor weight = conv.weight.to_type(inputs[0].dtype);
        using Tensor? bias = conv.bias?.to_type(inputs[0].dtype);
        return nn.functional.conv2d(inputs[0], weight, bias, [Stride, Stride], [Pad, Pad], [1, 1], Groups);
    }

    internal override string Emit(LayerEmission e)
    {
        var conv = (TorchSharp.Modules.Conv2d)e.Module!;
        return e.Weighted("Conv", conv.weight!, conv.bias,
            OnnxAttribute.Ints("kernel_shape", Kernel, Kernel), OnnxAttribute.Ints("strides", Stride, Stride),
            OnnxAttribute.Ints("pads", Pad, Pad, Pad, Pad), OnnxAttribute.Int("group", Groups));
    }
}

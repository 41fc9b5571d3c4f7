using FaceSearch.TrainingJob.Onnx;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>
/// Batch normalisation of channels (Ioffe and Szegedy, 2015), with trained scale and shift. In use it is one multiply
/// and one add a number, and nothing but a bias where it can be folded into the layer before it.
/// </summary>
public sealed record BatchNorm : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => Shapes.One(inputs);

    /// <inheritdoc/>
    public override long Parameters(FeatureShape input) => 2L * input.Channels;

    /// <inheritdoc/>
    public override long MultiplyAdds(FeatureShape input, FeatureShape output) => output.Length;

    internal override bool KeepsOutput => false;

    internal override nn.Module CreateModule(FeatureShape input) => input.IsVector ? nn.BatchNorm1d(input.Channels) : nn.BatchNorm2d(input.Channels);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) => module!.Call(inputs[0]);

    /// <summary>Only reached where it could not be folded.</summary>
    internal override string Emit(LayerEmission e)
    {
        var norm = (TorchSharp.Modules.BatchNorm)e.Module!;
        return e.Node("BatchNormalization",
            [e.Inputs[0], e.Constant("scale", norm.weight!), e.Constant("bias", norm.bias!), e.Constant("mean", norm.running_mean!), e.Constant("var", norm.running_var!)],
            OnnxAttribute.Float("epsilon", (float)norm.eps));
    }
}

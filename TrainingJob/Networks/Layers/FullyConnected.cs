using FaceSearch.TrainingJob.Onnx;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>A fully connected layer; a feature map is flattened first.</summary>
/// <param name="Length">Outputs.</param>
/// <param name="Bias">Add a bias; false where a batch norm follows.</param>
public sealed record FullyConnected(int Length, bool Bias = true) : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs)
    {
        Shapes.One(inputs);
        return FeatureShape.Vector(Length);
    }

    /// <inheritdoc/>
    public override long Parameters(FeatureShape input) => (long)input.Length * Length + (Bias ? Length : 0);

    /// <inheritdoc/>
    public override long MultiplyAdds(FeatureShape input, FeatureShape output) => Parameters(input);

    internal override bool AbsorbsBatchNorm => true;

    internal override bool KeepsOutput => false;

    internal override nn.Module CreateModule(FeatureShape input) => nn.Linear(input.Length, Length, Bias);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite)
    {
        if (inputs[0].dim() == 2 && inputs[0].dtype == ScalarType.Float32)
            return module!.Call(inputs[0]);
        using Tensor flat = inputs[0].flatten(1);
        using Tensor full = flat.to_type(ScalarType.Float32);
        return module!.Call(full);
    }

    internal override string Emit(LayerEmission e)
    {
        var linear = (TorchSharp.Modules.Linear)e.Module!;
        LayerEmission flat = e.InputShape.IsVector ? e : e with { Inputs = [e.Node("Flatten", e.Inputs, OnnxAttribute.Int("axis", 1))] };
        return flat.Weighted("Gemm", linear.weight!, linear.bias, OnnxAttribute.Int("transB", 1));
    }
}

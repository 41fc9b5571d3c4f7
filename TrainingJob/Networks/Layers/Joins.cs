using FaceSearch.TrainingJob.Onnx;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>Sum of two equally shaped outputs, as in residual networks.</summary>
public sealed record Sum : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) =>
        inputs.Count == 2 && inputs[0] == inputs[1] ? inputs[0] : throw new ArgumentException($"A sum takes two equal shapes; got {string.Join(" and ", inputs)}.");

    internal override bool KeepsOutput => false;

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) => inputs[0].add(inputs[1]);

    internal override string Emit(LayerEmission e) => e.Node("Add", e.Inputs);
}

/// <summary>Channels of several feature maps of one size, one behind the other.</summary>
public sealed record Concatenation : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs)
    {
        FeatureShape first = inputs[0];
        if (inputs.Any(i => i with { Channels = first.Channels } != first))
            throw new ArgumentException($"Only maps of one size can be joined; got {string.Join(", ", inputs)}.");
        return first with { Channels = inputs.Sum(i => i.Channels) };
    }

    internal override bool KeepsOutput => false;

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) => cat([.. inputs], 1);

    internal override string Emit(LayerEmission e) => e.Node("Concat", e.Inputs, OnnxAttribute.Int("axis", 1));
}

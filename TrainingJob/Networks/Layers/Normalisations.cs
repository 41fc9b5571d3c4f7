using FaceSearch.TrainingJob.Onnx;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>
/// Local response normalisation across channels (Krizhevsky et al., 2012): x / (1 + alpha / size * sum of squares of
/// the <paramref name="Size"/> channels around)^beta.
/// </summary>
public sealed record LocalResponseNorm(int Size = 5, float Alpha = 1e-4f, float Beta = 0.75f) : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs) => Shapes.Map(inputs);

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) =>
        nn.functional.local_response_norm(inputs[0], Size, Alpha, Beta, 1);

    internal override string Emit(LayerEmission e) => e.Node("LRN", e.Inputs,
        OnnxAttribute.Int("size", Size), OnnxAttribute.Float("alpha", Alpha), OnnxAttribute.Float("beta", Beta), OnnxAttribute.Float("bias", 1));
}

/// <summary>Scales every vector to unit L2 length, so that the squared distance of two is 2 - 2 cos.</summary>
public sealed record L2Normalise : Layer
{
    /// <inheritdoc/>
    public override FeatureShape Output(IReadOnlyList<FeatureShape> inputs)
    {
        FeatureShape x = Shapes.One(inputs);
        return x.IsVector ? x : throw new ArgumentException($"Normalises vectors; got a feature map {x}.");
    }

    internal override Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite) => nn.functional.normalize(inputs[0], 2, 1);

    internal override string Emit(LayerEmission e) => e.Node("LpNormalization", e.Inputs, OnnxAttribute.Int("axis", 1), OnnxAttribute.Int("p", 2));
}

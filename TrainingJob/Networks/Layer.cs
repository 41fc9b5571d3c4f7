using FaceSearch.TrainingJob.Onnx;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>
/// One operation of a network. A layer is a description without weights; it knows its output shape, what it costs, how
/// Torch computes it and how ONNX spells it, so that the two can be compared line by line and a new layer is one file.
/// </summary>
public abstract record Layer
{
    /// <summary>Shape of the output.</summary>
    /// <exception cref="ArgumentException">The inputs do not fit this layer.</exception>
    public abstract FeatureShape Output(IReadOnlyList<FeatureShape> inputs);

    /// <summary>Trained numbers.</summary>
    public virtual long Parameters(FeatureShape input) => 0;

    /// <summary>
    /// Multiply-adds of one example, counted as in the FaceNet paper: a weight or a bias is one at every position it is
    /// used at; activations and pooling are free.
    /// </summary>
    public virtual long MultiplyAdds(FeatureShape input, FeatureShape output) => 0;

    /// <summary>Whether a batch norm behind this layer, as its only reader, can be folded into its weights.</summary>
    internal virtual bool AbsorbsBatchNorm => false;

    /// <summary>Whether Torch needs this layer's output for the backward pass, so that it must not be overwritten.</summary>
    internal virtual bool KeepsOutput => true;

    /// <summary>The Torch module that holds the layer's weights or state, or null if it has none.</summary>
    internal virtual nn.Module? CreateModule(FeatureShape input) => null;

    /// <summary>Computes the output; never disposes an input.</summary>
    /// <param name="module">What <see cref="CreateModule"/> made.</param>
    /// <param name="inputs">Tensors of batch x shape.</param>
    /// <param name="overwrite">The first input has no other reader and may be changed in place.</param>
    internal abstract Tensor Forward(nn.Module? module, IReadOnlyList<Tensor> inputs, bool overwrite);

    /// <summary>Appends the layer's nodes to an ONNX graph and returns the name of its output.</summary>
    internal abstract string Emit(LayerEmission emission);
}

using FaceSearch.TrainingJob.Networks;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Onnx;

/// <summary>What a layer needs to write itself into an ONNX graph.</summary>
/// <param name="Graph">Written to.</param>
/// <param name="Name">The node's name.</param>
/// <param name="Module">Its weights.</param>
/// <param name="Inputs">Names of its inputs in the graph.</param>
/// <param name="InputShape">Shape of the first input.</param>
/// <param name="Fold">Batch norm to fold into the weights, or null.</param>
internal sealed record LayerEmission(
    OnnxGraph Graph, string Name, nn.Module? Module, IReadOnlyList<string> Inputs, FeatureShape InputShape, ChannelScale? Fold)
{
    /// <summary>Adds a node of one output.</summary>
    public string Node(string operation, IReadOnlyList<string> inputs, params OnnxAttribute[] attributes) =>
        Graph.Add(operation, Name, 1, inputs, attributes)[0];

    /// <summary>Adds a node of several outputs.</summary>
    public string[] Nodes(string operation, int outputs, IReadOnlyList<string> inputs, params OnnxAttribute[] attributes) =>
        Graph.Add(operation, Name, outputs, inputs, attributes);

    /// <summary>Adds a tensor as a constant, of other dimensions where given.</summary>
    public string Constant(string name, Tensor tensor, long[]? dims = null) => Constant(name, dims ?? tensor.shape, OnnxGraph.Values(tensor));

    /// <summary>Adds a constant.</summary>
    public string Constant(string name, long[] dims, float[] values) => Graph.Constant($"{Name}/{name}", dims, values);

    /// <summary>Adds a single number.</summary>
    public string Scalar(string name, float value) => Constant(name, [], [value]);

    /// <summary>Adds a vector of indices.</summary>
    public string Indices(string name, params long[] values) => Graph.Indices($"{Name}/{name}", values);

    /// <summary>
    /// Adds a convolution or matrix product, the batch norm behind it folded in: with w the weights of an output channel
    /// and s, t the norm's scale and shift, s (w x + b) + t = (s w) x + (s b + t).
    /// </summary>
    /// <param name="operation">Conv or Gemm.</param>
    /// <param name="weight">Output channels first.</param>
    /// <param name="bias">One number per output channel, or null.</param>
    /// <param name="attributes">Of the node.</param>
    public string Weighted(string operation, Tensor weight, Tensor? bias, params OnnxAttribute[] attributes)
    {
        float[] weights = OnnxGraph.Values(weight);
        int channels = (int)weight.shape[0];
        float[] biases = bias is null ? new float[channels] : OnnxGraph.Values(bias);
        if (Fold is not null)
        {
            int row = weights.Length / channels;
            for (int c = 0; c < channels; c++)
            {
                foreach (ref float w in weights.AsSpan(c * row, row))
                    w = (float)(w * Fold.Scale[c]);
                biases[c] = (float)(biases[c] * Fold.Scale[c] + Fold.Shift[c]);
            }
        }
        return Node(operation, [Inputs[0], Constant("weight", weight.shape, weights), Constant("bias", [channels], biases)], attributes);
    }
}

/// <summary>A batch norm with fixed statistics: x becomes Scale x + Shift, channel by channel.</summary>
internal sealed record ChannelScale(double[] Scale, double[] Shift)
{
    public static ChannelScale Of(TorchSharp.Modules.BatchNorm norm)
    {
        float[] gamma = OnnxGraph.Values(norm.weight!), beta = OnnxGraph.Values(norm.bias!);
        float[] mean = OnnxGraph.Values(norm.running_mean!), variance = OnnxGraph.Values(norm.running_var!);
        double[] scale = [.. gamma.Select((g, c) => g / Math.Sqrt(variance[c] + norm.eps))];
        return new ChannelScale(scale, [.. beta.Select((b, c) => b - mean[c] * scale[c])]);
    }
}

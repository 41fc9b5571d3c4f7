using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>
/// A <see cref="NetworkDefinition"/> with weights, trained by Torch. Parameters are named <c>layer.weight</c>; a tensor
/// between two layers is freed as soon as its last reader is done (autograd keeps what it needs itself).
/// </summary>
public sealed class Network : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module?[] _modules;
    private readonly int[] _readers;

    /// <param name="definition">Its layers.</param>
    /// <param name="seed">Of the initial weights: the same seed gives the same weights on every machine.</param>
    public Network(NetworkDefinition definition, long seed = 1) : base(definition.Name)
    {
        Definition = definition;
        _readers = definition.Readers();
        _modules = new nn.Module?[definition.Nodes.Count];
        foreach (NetworkNode node in definition.Nodes.Skip(1))
        {
            if (node.Layer.CreateModule(definition.Nodes[node.Inputs[0]].Shape) is not { } module)
                continue;
            _modules[node.Index] = module;
            register_module(node.Name, module);
        }
        Initialise(seed);
    }

    /// <summary>The layers.</summary>
    public NetworkDefinition Definition { get; }

    /// <summary>Embeds a batch.</summary>
    /// <param name="input">batch x channels x height x width floats (batch x length for a head); it stays the caller's.</param>
    /// <returns>batch x dimension floats.</returns>
    public override Tensor forward(Tensor input) => Outputs(input, [])[0];

    /// <summary>Embeds a batch and gives the outputs of inner layers too.</summary>
    /// <param name="input">As for <see cref="forward"/>.</param>
    /// <param name="inner">Indices of nodes.</param>
    /// <returns>The embeddings, and the inner outputs in the order of <paramref name="inner"/>.</returns>
    public Tensor[] Outputs(Tensor input, IReadOnlyList<int> inner)
    {
        var values = new Tensor?[_modules.Length];
        int[] readers = [.. _readers];
        foreach (int node in inner)
            readers[node]++;
        int[] left = [.. readers];
        using Tensor first = ChannelsLast(input);
        values[0] = first;
        foreach (NetworkNode node in Definition.Nodes.Skip(1))
        {
            Tensor[] inputs = [.. node.Inputs.Select(i => values[i]!)];
            int source = node.Inputs[0];
            bool overwrite = source != 0 && readers[source] == 1 && !Definition.Nodes[source].Layer.KeepsOutput;
            Tensor output = node.Layer.Forward(_modules[node.Index], inputs, overwrite);
            values[node.Index] = output;
            foreach (int read in node.Inputs)
            {
                if (--left[read] > 0 || read == 0)
                    continue;
                if (!ReferenceEquals(values[read], output))
                    values[read]!.Dispose();
                values[read] = null;
            }
        }
        return [values[^1]!, .. inner.Select(node => values[node]!)];
    }

    /// <summary>
    /// The same images with the channels of a pixel side by side in memory. Torch's processor kernels keep that order
    /// from layer to layer, and train a third faster than with whole planes, which they reorder at every convolution.
    /// </summary>
    private static Tensor ChannelsLast(Tensor input)
    {
        if (input.dim() != 4 || input.device_type != DeviceType.CPU)
            return input.alias();
        using Tensor last = input.permute(0, 2, 3, 1);
        using Tensor packed = last.contiguous();
        return packed.permute(0, 3, 1, 2);
    }

    /// <summary>The Torch module of a node, or null if its layer has no weights.</summary>
    internal nn.Module? ModuleOf(NetworkNode node) => _modules[node.Index];

    /// <summary>
    /// He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", 2015: normal weights of variance 2 / fan-in before a rectifier;
    /// 1 / fan-in elsewhere (the maximum of two such numbers has second moment 1). Biases are zero.
    /// </summary>
    private void Initialise(long seed)
    {
        using var generator = new Generator((ulong)seed, CPU);
        using IDisposable _ = no_grad();
        foreach (NetworkNode node in Definition.Nodes)
        {
            (Tensor? weight, Tensor? bias) = _modules[node.Index] switch
            {
                Conv2d conv => (conv.weight, conv.bias),
                Linear linear => ((Tensor?)linear.weight, (Tensor?)linear.bias),
                _ => (null, null),
            };
            if (weight is null)
                continue;
            double fanIn = weight.numel() / (double)weight.shape[0];
            // Not nn.init.normal_, which does not draw from the generator it is given (TorchSharp 0.107).
            using Tensor normal = randn(weight.shape, generator: generator);
            using Scalar deviation = Math.Sqrt((IsRectified(node) ? 2 : 1) / fanIn);
            weight.copy_(normal.mul_(deviation));
            if (bias is not null)
                nn.init.zeros_(bias);
        }
    }

    private bool IsRectified(NetworkNode node)
    {
        List<NetworkNode> readers = [.. Definition.Nodes.Where(n => n.Inputs.Contains(node.Index))];
        return readers is [{ Layer: BatchNorm } norm] ? IsRectified(norm) : readers is [{ Layer: Relu or PRelu }];
    }
}

namespace FaceSearch.TrainingJob.Networks;

/// <summary>A layer in its place: what it reads (indices of earlier nodes) and the shape it puts out.</summary>
public sealed record NetworkNode(int Index, string Name, Layer Layer, IReadOnlyList<int> Inputs, FeatureShape Shape)
{
    /// <summary>The module the node belongs to: the name up to the slash, <c>inception3a</c> of <c>inception3a/5x5</c>.</summary>
    public string Block => Name.Split('/')[0];
}

/// <summary>
/// A network as data: a directed graph of layers in topological order, from node 0 (the input) to the last (the
/// output). <see cref="Network"/> trains it, <see cref="OnnxExport"/> writes it, <see cref="NetworkSummary"/> counts it.
/// </summary>
public sealed record NetworkDefinition(string Name, IReadOnlyList<NetworkNode> Nodes)
{
    /// <summary>Shape of one input example.</summary>
    public FeatureShape Input => Nodes[0].Shape;

    /// <summary>Shape of one output; a vector for an embedder.</summary>
    public FeatureShape Output => Nodes[^1].Shape;

    /// <summary>How many nodes read each node's output; the network's output counts as one reader more.</summary>
    public int[] Readers()
    {
        int[] readers = new int[Nodes.Count];
        foreach (int input in Nodes.SelectMany(n => n.Inputs))
            readers[input]++;
        readers[^1]++;
        return readers;
    }
}

/// <summary>Puts layers together; the value of every method is the node to go on from.</summary>
public sealed class NetworkBuilder
{
    private readonly List<NetworkNode> _nodes = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly string _name;

    /// <param name="name">Lower-case name of the network.</param>
    /// <param name="input">Shape of one example: an image, or a vector for a head.</param>
    public NetworkBuilder(string name, FeatureShape input)
    {
        _name = name;
        Input = Append("input", new Input(input), []);
    }

    /// <summary>The network's input.</summary>
    public NetworkNode Input { get; }

    /// <summary>Appends a layer that reads <paramref name="inputs"/>.</summary>
    /// <param name="name">Unique in the network; <c>block/part</c> groups layers in a summary.</param>
    /// <exception cref="ArgumentException">The name is taken, or the inputs do not fit the layer.</exception>
    public NetworkNode Add(string name, Layer layer, params IReadOnlyList<NetworkNode> inputs) => Append(name, layer, inputs);

    /// <summary>The network, whose output is the node added last.</summary>
    /// <exception cref="InvalidOperationException">A node other than the last has no reader.</exception>
    public NetworkDefinition Build()
    {
        var definition = new NetworkDefinition(_name, [.. _nodes]);
        int[] readers = definition.Readers();
        int unread = Array.IndexOf(readers, 0);
        if (unread >= 0)
            throw new InvalidOperationException($"Network '{_name}': nothing reads the output of '{_nodes[unread].Name}'.");
        return definition;
    }

    private NetworkNode Append(string name, Layer layer, IReadOnlyList<NetworkNode> inputs)
    {
        if (name.Contains('.') || !_names.Add(name))
            throw new ArgumentException($"Network '{_name}': a layer's name must be unique and without dots; got '{name}'.", nameof(name));
        FeatureShape shape;
        try
        {
            shape = layer.Output([.. inputs.Select(i => i.Shape)]);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"Network '{_name}', layer '{name}': {e.Message}", e);
        }
        var node = new NetworkNode(_nodes.Count, name, layer, [.. inputs.Select(i => i.Index)], shape);
        _nodes.Add(node);
        return node;
    }
}

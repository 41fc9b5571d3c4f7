using FaceSearch.TrainingJob.Networks;
using FaceSearch.Vision.Onnx;
using Google.Protobuf;

namespace FaceSearch.TrainingJob.Onnx;

/// <summary>
/// Writes a trained network as an ONNX model in evaluation form: free batch dimension, dropout gone, every batch norm
/// folded into the convolution or matrix product before it, L2 normalisation inside.
/// </summary>
public static class OnnxExport
{
    /// <summary>Name of the input: batch x channels x height x width floats.</summary>
    public const string InputName = "input";

    /// <summary>Name of the output: batch x dimension floats.</summary>
    public const string OutputName = "embedding";

    private const int Opset = 13;
    private const int IrVersion = 7;

    /// <summary>The network as an ONNX file.</summary>
    public static byte[] Write(Network network) => Model(network).ToByteArray();

    /// <summary>Writes the network's ONNX file to a stream; a large network is not held in memory once more.</summary>
    public static void Write(Network network, Stream stream) => Model(network).WriteTo(stream);

    private static ModelProto Model(Network network)
    {
        NetworkDefinition definition = network.Definition;
        var graph = new GraphProto { Name = definition.Name };
        graph.Input.Add(OnnxGraph.Value(InputName, definition.Input));
        string output = Emit(network, new OnnxGraph(graph), InputName);
        NameOutput(graph, output, definition.Output);
        return new ModelProto
        {
            IrVersion = IrVersion,
            ProducerName = "FaceSearch",
            ProducerVersion = typeof(OnnxExport).Assembly.GetName().Version!.ToString(3),
            Graph = graph,
            OpsetImport = { new OperatorSetIdProto { Domain = "", Version = Opset } },
        };
    }

    /// <summary>Appends the network's nodes to a graph and returns the name of its output.</summary>
    internal static string Emit(Network network, OnnxGraph graph, string input)
    {
        NetworkDefinition definition = network.Definition;
        Dictionary<int, NetworkNode> folded = FoldedNorms(definition);
        string[] values = new string[definition.Nodes.Count];
        values[0] = input;
        foreach (NetworkNode node in definition.Nodes.Skip(1))
        {
            if (values[node.Index] is not null)
                continue;
            ChannelScale? fold = null;
            if (folded.TryGetValue(node.Index, out NetworkNode? norm))
                fold = ChannelScale.Of((TorchSharp.Modules.BatchNorm)network.ModuleOf(norm)!);
            values[node.Index] = node.Layer.Emit(new LayerEmission(
                graph, node.Name, network.ModuleOf(node), [.. node.Inputs.Select(i => values[i])], definition.Nodes[node.Inputs[0]].Shape, fold));
            if (norm is not null)
                values[norm.Index] = values[node.Index];
        }
        return values[^1];
    }

    /// <summary>Makes <paramref name="value"/> the graph's only output, under our name.</summary>
    internal static void NameOutput(GraphProto graph, string value, FeatureShape shape)
    {
        Rename(graph, OutputName, "base/" + OutputName);
        Rename(graph, value, OutputName);
        graph.Output.Clear();
        graph.Output.Add(OnnxGraph.Value(OutputName, shape));
    }

    private static void Rename(GraphProto graph, string from, string to)
    {
        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
                node.Input[i] = node.Input[i] == from ? to : node.Input[i];
            for (int i = 0; i < node.Output.Count; i++)
                node.Output[i] = node.Output[i] == from ? to : node.Output[i];
        }
    }

    /// <summary>Batch norms that are the only reader of a layer with weights, by that layer's index.</summary>
    private static Dictionary<int, NetworkNode> FoldedNorms(NetworkDefinition definition)
    {
        int[] readers = definition.Readers();
        return definition.Nodes
            .Where(n => n.Layer is BatchNorm && readers[n.Inputs[0]] == 1 && definition.Nodes[n.Inputs[0]].Layer.AbsorbsBatchNorm)
            .ToDictionary(n => n.Inputs[0]);
    }
}

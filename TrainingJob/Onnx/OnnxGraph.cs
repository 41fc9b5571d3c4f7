using System.Runtime.InteropServices;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.Vision.Onnx;
using Google.Protobuf;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Onnx;

/// <summary>An attribute of an ONNX node.</summary>
internal readonly record struct OnnxAttribute(AttributeProto Proto)
{
    public static OnnxAttribute Int(string name, long value) =>
        new(new AttributeProto { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int });

    public static OnnxAttribute Float(string name, float value) =>
        new(new AttributeProto { Name = name, F = value, Type = AttributeProto.Types.AttributeType.Float });

    public static OnnxAttribute Ints(string name, params long[] values) =>
        new(new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { values } });
}

/// <summary>
/// Appends nodes and constants to an ONNX graph. The operators used mean the same from opset 13 to 17 (9 for those of a
/// head), so a head can be appended to a graph of another exporter.
/// </summary>
/// <param name="graph">Appended to.</param>
/// <param name="prefix">In front of every name, so that two networks can share a graph.</param>
internal sealed class OnnxGraph(GraphProto graph, string prefix = "")
{
    private const int Float32 = 1, Int64 = 7;
    private readonly HashSet<string> _names = [.. graph.Node.SelectMany(n => n.Output), .. graph.Initializer.Select(i => i.Name), .. graph.Input.Select(i => i.Name)];

    /// <summary>Adds a node; its outputs are named after it.</summary>
    public string[] Add(string operation, string name, int outputs, IEnumerable<string> inputs, IEnumerable<OnnxAttribute> attributes)
    {
        string unique = Unique($"{prefix}{name}/{operation}");
        string[] results = [.. Enumerable.Range(0, outputs).Select(i => outputs == 1 ? unique : Unique($"{unique}:{i}"))];
        var node = new NodeProto { OpType = operation, Name = unique };
        node.Input.Add(inputs);
        node.Output.Add(results);
        node.Attribute.Add(attributes.Select(a => a.Proto));
        graph.Node.Add(node);
        return results;
    }

    /// <summary>Adds a float constant.</summary>
    public string Constant(string name, IReadOnlyList<long> dims, ReadOnlySpan<float> values) =>
        Initializer(name, Float32, dims, ByteString.CopyFrom(MemoryMarshal.AsBytes(values)));

    /// <summary>Adds a constant vector of indices.</summary>
    public string Indices(string name, IReadOnlyList<long> values) =>
        Initializer(name, Int64, [values.Count], ByteString.CopyFrom(MemoryMarshal.AsBytes<long>([.. values])));

    /// <summary>Values of a tensor in row-major order.</summary>
    public static float[] Values(Tensor tensor)
    {
        using IDisposable _ = no_grad();
        using Tensor host = tensor.detach().cpu().to(ScalarType.Float32).contiguous();
        return host.data<float>().ToArray();
    }

    /// <summary>A value of batch x shape, with the batch dimension free.</summary>
    public static ValueInfoProto Value(string name, FeatureShape shape)
    {
        var dims = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dimension { DimParam = "batch" } } };
        long[] rest = shape.IsVector ? [shape.Channels] : [shape.Channels, shape.Height, shape.Width];
        dims.Dim.Add(rest.Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = Float32, Shape = dims } } };
    }

    private string Initializer(string name, int type, IReadOnlyList<long> dims, ByteString raw)
    {
        string unique = Unique(prefix + name);
        graph.Initializer.Add(new TensorProto { Name = unique, DataType = type, Dims = { dims }, RawData = raw });
        return unique;
    }

    private string Unique(string name)
    {
        string unique = name;
        for (int i = 2; !_names.Add(unique); i++)
            unique = $"{name}_{i}";
        return unique;
    }
}

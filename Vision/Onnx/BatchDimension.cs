using System.Buffers.Binary;
using Google.Protobuf;

namespace FaceSearch.Vision.Onnx;

/// <summary>
/// Frees a batch dimension that was fixed at 1 on export: the first dimension of the graph's inputs and outputs
/// becomes symbolic, and a Reshape of data to [1, ...] becomes [0, ...], where 0 means "as in the input". Nothing
/// else is touched. Whether the result computes the same is proven by running it (see <see cref="ModelStore.Import"/>).
/// </summary>
internal static class BatchDimension
{
    private const string Symbol = "batch";
    private const int Int64 = 7;

    /// <summary>The model with a free batch dimension; the same array when it already was free.</summary>
    /// <exception cref="ModelException">The bytes are not an ONNX model.</exception>
    public static byte[] Free(byte[] onnx)
    {
        ModelProto model;
        try
        {
            model = ModelProto.Parser.ParseFrom(onnx);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ModelException("The file is not an ONNX model (its protobuf cannot be read).", e);
        }
        GraphProto graph = model.Graph ?? throw new ModelException("The file is not an ONNX model (it has no graph).");

        HashSet<string> initializers = [.. graph.Initializer.Select(t => t.Name)];
        List<ValueInfoProto> inputs = [.. graph.Input.Where(i => !initializers.Contains(i.Name))];
        if (!inputs.Any(IsFixed))
            return onnx;
        foreach (ValueInfoProto value in inputs.Concat(graph.Output).Where(IsFixed))
            value.Type.TensorType.Shape.Dim[0].DimParam = Symbol;
        // Recorded intermediate shapes would contradict the free dimension; the runtime infers them anew.
        graph.ValueInfo.Clear();
        FreeReshapes(graph, inputs.Select(i => i.Name));
        return model.ToByteArray();
    }

    private static bool IsFixed(ValueInfoProto value) =>
        value.Type?.TensorType?.Shape is { Dim: { Count: > 0 } dims } && dims[0].ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue && dims[0].DimValue == 1;

    private static void FreeReshapes(GraphProto graph, IEnumerable<string> inputs)
    {
        Dictionary<string, TensorProto> constants = graph.Initializer.ToDictionary(t => t.Name);
        foreach (NodeProto node in graph.Node.Where(n => n.OpType == "Constant" && n.Attribute.Count == 1 && n.Attribute[0].T is not null))
            constants[node.Output[0]] = node.Attribute[0].T;

        // Nodes are in topological order: a Reshape of weights is not reached from the inputs and stays as it is.
        HashSet<string> data = [.. inputs];
        foreach (NodeProto node in graph.Node)
        {
            if (!node.Input.Any(data.Contains))
                continue;
            foreach (string output in node.Output)
                data.Add(output);
            if (node.OpType == "Reshape" && node.Input.Count == 2 && constants.TryGetValue(node.Input[1], out TensorProto? shape) && !AllowsZero(node))
                FreeReshape(graph, node, shape);
        }
    }

    private static void FreeReshape(GraphProto graph, NodeProto node, TensorProto shape)
    {
        long[] target = ReadInt64(shape);
        if (target.Length == 0 || target[0] != 1)
            return;
        target[0] = 0;
        if (graph.Node.Sum(n => n.Input.Count(i => i == node.Input[1])) == 1)
        {
            shape.Int64Data.Clear();
            shape.RawData = Raw(target);
            return;
        }
        // A constant of its own: the old one serves other nodes too.
        var own = new TensorProto { DataType = Int64, Name = $"{node.Output[0]}/free_batch_shape", RawData = Raw(target) };
        own.Dims.Add(target.Length);
        graph.Initializer.Add(own);
        node.Input[1] = own.Name;
    }

    private static bool AllowsZero(NodeProto node) => node.Attribute.Any(a => a.Name == "allowzero" && a.I == 1);

    private static long[] ReadInt64(TensorProto tensor)
    {
        if (tensor.DataType != Int64)
            return [];
        if (tensor.Int64Data.Count > 0)
            return [.. tensor.Int64Data];
        ReadOnlySpan<byte> raw = tensor.RawData.Span;
        long[] values = new long[raw.Length / 8];
        for (int i = 0; i < values.Length; i++)
            values[i] = BinaryPrimitives.ReadInt64LittleEndian(raw[(8 * i)..]);
        return values;
    }

    private static ByteString Raw(long[] values)
    {
        byte[] bytes = new byte[values.Length * 8];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8 * i), values[i]);
        return ByteString.CopyFrom(bytes);
    }
}

using System.Security.Cryptography;
using FaceSearch.Vision.Onnx;
using Google.Protobuf;

namespace FaceSearch.Vision.Tests;

/// <summary>
/// A real ONNX embedder of a few hundred bytes for machines without the real models: a 16 x 16 picture, averaged over
/// 4 x 4 blocks, flattened to 48 numbers by a Reshape to [1, -1], with the batch fixed at 1.
/// </summary>
internal static class TinyModel
{
    public const int Dimension = 48;

    /// <param name="sharedShape">Let a second Reshape, of a constant, use the same shape.</param>
    /// <param name="fixedBatch">Batch dimension fixed at 1, as in careless exports.</param>
    public static byte[] Onnx(bool sharedShape = false, bool fixedBatch = true)
    {
        // ir_version = 8, producer_name = "hand", opset_import { version: 13 }: not part of the subset, so unknown fields.
        ModelProto model = ModelProto.Parser.ParseFrom((byte[])[0x08, 8, 0x12, 4, .. "hand"u8, 0x42, 2, 0x10, 13]);
        var graph = new GraphProto();
        var pool = new NodeProto { OpType = "AveragePool", Name = "pool" };
        pool.Input.Add("in");
        pool.Output.Add("pooled");
        pool.Attribute.Add(Ints("kernel_shape"));
        pool.Attribute.Add(Ints("strides"));
        var flatten = new NodeProto { OpType = "Reshape", Name = "flatten" };
        flatten.Input.Add(["pooled", "shape"]);
        flatten.Output.Add(sharedShape ? "flat" : "out");
        graph.Node.Add([pool, flatten]);
        graph.Initializer.Add(Tensor("shape", 7, [2], [.. BitConverter.GetBytes(1L), .. BitConverter.GetBytes(-1L)]));
        if (sharedShape)
        {
            byte[] ones = [.. Enumerable.Repeat(1f, Dimension).SelectMany(BitConverter.GetBytes)];
            graph.Initializer.Add(Tensor("ones", 1, [Dimension], ones));
            var row = new NodeProto { OpType = "Reshape", Name = "row" };
            row.Input.Add(["ones", "shape"]);
            row.Output.Add("row_of_ones");
            var add = new NodeProto { OpType = "Add", Name = "add" };
            add.Input.Add(["flat", "row_of_ones"]);
            add.Output.Add("out");
            graph.Node.Add([row, add]);
        }
        graph.Input.Add(Value("in", fixedBatch, 3, 16, 16));
        graph.Output.Add(Value("out", fixedBatch, Dimension));
        model.Graph = graph;
        return model.ToByteArray();
    }

    public static ModelManifest Manifest(byte[] onnx, string name = "tiny") => new()
    {
        Name = name,
        Kind = ModelKind.Embedder,
        File = name + ".onnx",
        Bytes = onnx.Length,
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(onnx)),
        Licence = "CC0-1.0",
        Input = new ModelInput { Name = "in", Width = 16, Height = 16, Scale = 1 / 255f, Mean = [0.5f, 0.4f, 0.3f] },
        Output = "out",
        Dimension = Dimension,
        ImpostorOperatingPoints = [new(0.01, 0.3f), new(0.001, 0.4f)],
    };

    public static AlignedFace Crop(int seed, int size = 16)
    {
        byte[] rgb = new byte[size * size * 3];
        new Random(seed).NextBytes(rgb);
        return new AlignedFace(size, rgb);
    }

    /// <summary>ints = [4, 4] (field 8), type INTS (field 20 = 7); both outside the subset.</summary>
    private static AttributeProto Ints(string name)
    {
        AttributeProto attribute = AttributeProto.Parser.ParseFrom((byte[])[0x42, 2, 4, 4, 0xA0, 0x01, 7]);
        attribute.Name = name;
        return attribute;
    }

    private static TensorProto Tensor(string name, int type, long[] dims, byte[] raw)
    {
        var tensor = new TensorProto { Name = name, DataType = type, RawData = ByteString.CopyFrom(raw) };
        tensor.Dims.Add(dims);
        return tensor;
    }

    private static ValueInfoProto Value(string name, bool fixedBatch, params long[] rest)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(fixedBatch ? new TensorShapeProto.Types.Dimension { DimValue = 1 } : new TensorShapeProto.Types.Dimension { DimParam = "n" });
        shape.Dim.Add(rest.Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1, Shape = shape } } };
    }
}

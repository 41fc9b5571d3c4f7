using System.Security.Cryptography;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Onnx;

/// <summary>Describes an exported network for Vision.</summary>
public static class EmbedderManifest
{
    /// <summary>Preprocessing of every network here: red, green, blue, (pixel / 255 - 1/2) / (1/2), so -1 to 1.</summary>
    /// <param name="side">Side of the square thumbnail in pixels.</param>
    public static ModelInput Input(int side) => new()
    {
        Name = OnnxExport.InputName, Width = side, Height = side, Channels = ChannelOrder.Rgb,
        Scale = 1 / 255f, Mean = [0.5f, 0.5f, 0.5f], Std = [0.5f, 0.5f, 0.5f],
    };

    /// <summary>Manifest of a network's ONNX file.</summary>
    /// <param name="name">Lower-case model name; the file is <c>name.onnx</c>.</param>
    /// <param name="network">The network's layers.</param>
    /// <param name="onnx">The file.</param>
    /// <param name="licence">SPDX identifier, or a short text.</param>
    /// <param name="template">Five landmarks in pixels of the input, or null for a centre crop.</param>
    public static ModelManifest For(string name, NetworkDefinition network, byte[] onnx, string licence, IReadOnlyList<ImagePoint>? template = null) => new()
    {
        Name = name,
        Kind = ModelKind.Embedder,
        File = name + ".onnx",
        Bytes = onnx.Length,
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(onnx)),
        Licence = licence,
        Input = Input(network.Input.Height),
        Output = OnnxExport.OutputName,
        Dimension = network.Output.Length,
        AlignmentTemplate = template,
    };
}

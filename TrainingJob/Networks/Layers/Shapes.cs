using FaceSearch.TrainingJob.Onnx;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>What the layers share: arithmetic of shapes, and calling a module.</summary>
internal static class Shapes
{
    /// <summary>The only input.</summary>
    public static FeatureShape One(IReadOnlyList<FeatureShape> inputs) =>
        inputs.Count == 1 ? inputs[0] : throw new ArgumentException($"Takes one input; got {inputs.Count}.");

    /// <summary>The only input, which must be a feature map.</summary>
    public static FeatureShape Map(IReadOnlyList<FeatureShape> inputs)
    {
        FeatureShape x = One(inputs);
        return x.IsVector ? throw new ArgumentException($"Takes a feature map; got a vector of {x}.") : x;
    }

    /// <summary>Places of a window that slides over a padded side, as Torch counts them (rounded down).</summary>
    public static int Slide(int side, int kernel, int stride, int padding)
    {
        int places = (side + 2 * padding - kernel) / stride + 1;
        return side + 2 * padding >= kernel ? places : throw new ArgumentException($"A window of {kernel} does not fit a side of {side} padded by {padding}.");
    }

    /// <summary>A feature map after a square window.</summary>
    public static FeatureShape Slide(FeatureShape x, int kernel, int stride, int padding) =>
        x with { Height = Slide(x.Height, kernel, stride, padding), Width = Slide(x.Width, kernel, stride, padding) };

    /// <summary>ONNX attributes of a square window.</summary>
    public static OnnxAttribute[] Window(int kernel, int stride, int padding) =>
    [
        OnnxAttribute.Ints("kernel_shape", kernel, kernel), OnnxAttribute.Ints("strides", stride, stride),
        OnnxAttribute.Ints("pads", padding, padding, padding, padding),
    ];

    /// <summary>Runs a module of one input.</summary>
    public static Tensor Call(this nn.Module module, Tensor input) => ((nn.Module<Tensor, Tensor>)module).call(input);
}

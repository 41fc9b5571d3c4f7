using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Torch;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Training;

/// <summary>Runs a network under training over examples.</summary>
internal static class NetworkEmbedder
{
    private const int Batch = 64;

    /// <summary>Examples as the network's input on its device; images in Torch's channels-last order, which oneDNN convolves without rearranging.</summary>
    /// <param name="values">count x length floats, images as NHWC.</param>
    public static Tensor ToInput(float[] values, int count, NetworkDefinition network, TorchRuntime runtime)
    {
        FeatureShape shape = network.Input;
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        Tensor flat = tensor(values, [count, values.Length / count], device: runtime.Device);
        if (shape.IsVector)
            return flat.MoveToOuterDisposeScope();
        Tensor image = flat.reshape(count, shape.Height, shape.Width, shape.Channels).permute(0, 3, 1, 2);
        return (runtime.Mixed ? image.to_type(ScalarType.BFloat16) : image).MoveToOuterDisposeScope();
    }

    /// <summary>Embeds many examples; the network should be in evaluation form.</summary>
    /// <param name="count">Examples.</param>
    /// <param name="length">Floats an example.</param>
    /// <param name="render">Writes example i.</param>
    public static EmbeddingMatrix Embed(Network network, TorchRuntime runtime, int count, int length, Action<int, float[], int> render)
    {
        int dimension = network.Definition.Output.Length;
        float[] all = new float[count * dimension];
        using IDisposable _ = inference_mode();
        for (int from = 0; from < count; from += Batch)
        {
            int rows = Math.Min(Batch, count - from);
            float[] values = new float[rows * length];
            for (int i = 0; i < rows; i++)
                render(from + i, values, i * length);
            using Tensor input = ToInput(values, rows, network.Definition, runtime);
            using Tensor output = network.forward(input);
            using Tensor host = output.cpu();
            host.data<float>().CopyTo(all, from * dimension);
        }
        return new EmbeddingMatrix(all, dimension);
    }
}

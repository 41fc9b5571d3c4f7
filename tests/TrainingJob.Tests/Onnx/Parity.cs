using FaceSearch.TrainingJob.Networks;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Tests.Onnx;

/// <summary>Runs a network in Torch and its export in ONNX Runtime on the same random numbers.</summary>
internal static class Parity
{
    /// <summary>Largest difference allowed between the two.</summary>
    public const float Tolerance = 1e-4f;

    /// <summary>A network whose batch norms are as if trained: random statistics, scales and shifts.</summary>
    public static Network Trained(NetworkDefinition definition, int seed = 7)
    {
        var network = new Network(definition, seed);
        using IDisposable _ = no_grad();
        using var generator = new Generator((ulong)seed, CPU);
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in network.named_parameters())
        {
            if (parameter.dim() == 1 && name.Contains("norm", StringComparison.Ordinal))
                Fill(parameter, name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0, 0.3);
            else if (name.EndsWith("bias", StringComparison.Ordinal))
                Fill(parameter, 0, 0.05);
        }
        foreach ((string name, Tensor buffer) in network.named_buffers())
        {
            if (name.EndsWith("running_mean", StringComparison.Ordinal))
                Fill(buffer, 0, 0.2);
            else if (name.EndsWith("running_var", StringComparison.Ordinal))
                Fill(buffer, 1, 0.2).abs_().add_(0.1);
        }
        network.eval();
        return network;

        Tensor Fill(Tensor values, double mean, double deviation)
        {
            using Tensor normal = randn(values.shape, generator: generator);
            return values.copy_(normal.mul_(deviation).add_(mean));
        }
    }

    /// <summary>Numbers between -1 and 1.</summary>
    public static float[] RandomInput(FeatureShape shape, int batch, int seed = 3)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, batch * shape.Length).Select(_ => random.NextSingle() * 2 - 1)];
    }

    public static float[] Torch(Network network, float[] input, int batch)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable _ = no_grad();
        return network.call(tensor(input, Dims(network.Definition.Input, batch))).data<float>().ToArray();
    }

    public static float[] Onnx(byte[] model, float[] input, FeatureShape shape, int batch)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(model, options);
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(input, Dims(shape, batch));
        using var run = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, [session.InputNames[0]], [value], [session.OutputNames[0]]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    public static void ShouldMatch(float[] actual, float[] expected)
    {
        actual.Length.ShouldBe(expected.Length);
        actual.Zip(expected, (a, e) => Math.Abs(a - e)).Max().ShouldBeLessThan(Tolerance);
    }

    private static long[] Dims(FeatureShape shape, int batch) =>
        shape.IsVector ? [batch, shape.Channels] : [batch, shape.Channels, shape.Height, shape.Width];
}

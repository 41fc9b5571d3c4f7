using System.Runtime.InteropServices;
using System.Text.Json;
using FaceSearch.TrainingJob.Networks;
using static TorchSharp.torch;

namespace FaceSearch.TorchBench;

/// <summary>
/// What both sides train: a folder with the network's layers as JSON, its first weights and a few batches as raw
/// float32, so that the losses of both must agree.
/// </summary>
internal static class Workload
{
    public const int Batches = 4;
    public const float Margin = 0.2f;
    public const double LearningRate = 0.01;

    public sealed record Options(string Network, int Identities, int Images, int Threads, double LearningRate, float Margin);

    public static void Write(string folder, Options options)
    {
        NetworkDefinition definition = NetworkCatalogue.Find(options.Network).Define(new NetworkOptions());
        using var network = new Network(definition);
        File.WriteAllText(Path.Combine(folder, "workload.json"), JsonSerializer.Serialize(new
        {
            options,
            nodes = definition.Nodes.Select(n => new { name = n.Name, kind = n.Layer.GetType().Name, layer = (object)n.Layer, inputs = n.Inputs, channels = n.Shape.Channels, length = n.Shape.Length }),
            parameters = network.named_parameters().Select(p => new { p.name, p.parameter.shape }),
        }));
        using (FileStream weights = File.Create(Path.Combine(folder, "weights.bin")))
        {
            foreach ((_, TorchSharp.Modules.Parameter parameter) in network.named_parameters())
                weights.Write(MemoryMarshal.AsBytes<float>(parameter.data<float>().ToArray()));
        }
        WriteBatches(Path.Combine(folder, "batches.bin"), definition.Input, options);
    }

    public static Options Read(string folder)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "workload.json")));
        return json.RootElement.GetProperty("options").Deserialize<Options>()!;
    }

    public static float[] Floats(string folder, string file) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(folder, file))).ToArray();

    /// <summary>An identity is a random 6 x 6 pattern, enlarged; each of its images has noise of its own.</summary>
    private static void WriteBatches(string file, FeatureShape shape, Options options)
    {
        using var generator = new Generator(1, CPU);
        using FileStream stream = File.Create(file);
        for (int batch = 0; batch < Batches; batch++)
        {
            using var scope = NewDisposeScope();
            Tensor patterns = randn([options.Identities, 3, 6, 6], generator: generator).repeat_interleave(options.Images, 0);
            Tensor images = nn.functional.interpolate(patterns, [shape.Height, shape.Width])
                .add(randn([options.Identities * options.Images, 3, shape.Height, shape.Width], generator: generator));
            stream.Write(MemoryMarshal.AsBytes<float>(images.mul(0.5).contiguous().data<float>().ToArray()));
        }
    }
}

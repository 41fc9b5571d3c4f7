using System.Diagnostics;
using System.Globalization;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Triplets;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TorchBench;

/// <summary>Trains as many steps as a line of standard input says, and answers seconds, processor seconds and the losses.</summary>
internal static class OurWorker
{
    public static int Run(string folder)
    {
        Workload.Options options = Workload.Read(folder);
        set_num_threads(options.Threads);
        NetworkDefinition definition = NetworkCatalogue.Find(options.Network).Define(new NetworkOptions());
        using var network = new Network(definition);
        network.train();
        using optim.Optimizer optimiser = optim.Adagrad(network.parameters(), options.LearningRate);
        var miner = new SemiHardMiner(options.Margin);
        int count = options.Identities * options.Images;
        int[] identities = [.. Enumerable.Range(0, count).Select(i => i / options.Images)];
        using Tensor batches = tensor(Workload.Floats(folder, "batches.bin"), [Workload.Batches, count, 3, definition.Input.Height, definition.Input.Width]);

        Console.WriteLine("ready");
        int step = 0;
        while (Console.ReadLine() is { Length: > 0 } line)
        {
            List<float> losses = [];
            TimeSpan processor = Environment.CpuUsage.TotalTime;
            var clock = Stopwatch.StartNew();
            for (int last = step + int.Parse(line, CultureInfo.InvariantCulture); step < last; step++)
            {
                using DisposeScope scope = NewDisposeScope();
                losses.Add(Step(network, optimiser, miner, batches[step % Workload.Batches], identities));
            }
            double seconds = clock.Elapsed.TotalSeconds, used = (Environment.CpuUsage.TotalTime - processor).TotalSeconds;
            Console.WriteLine(string.Join(' ', ((IEnumerable<double>)[seconds, used, .. losses]).Select(v => v.ToString("R", CultureInfo.InvariantCulture))));
        }
        return 0;
    }

    private static float Step(Network network, optim.Optimizer optimiser, TripletMiner miner, Tensor images, int[] identities)
    {
        optimiser.zero_grad();
        Tensor embeddings = network.call(images);
        MinedTriplets mined = miner.Mine(SquaredDistances.Of(embeddings), identities);
        Tensor loss = TripletLoss.Of(embeddings, mined.Triplets, miner.Margin);
        loss.backward();
        optimiser.step();
        return loss.item<float>();
    }
}

using FaceSearch.TrainingJob.Networks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Training;

/// <summary>Optimisers by name.</summary>
internal static class Optimisers
{
    private const double Momentum = 0.9;

    public static OptimizerHelper Create(TrainingOptions options, Network network) => options.Optimiser switch
    {
        OptimiserKind.AdamW => optim.AdamW(network.parameters(), options.LearningRate, weight_decay: options.WeightDecay),
        OptimiserKind.Sgd => optim.SGD(network.parameters(), options.LearningRate, Momentum, weight_decay: options.WeightDecay, nesterov: true),
        OptimiserKind.AdaGrad => optim.Adagrad(network.parameters(), options.LearningRate, weight_decay: options.WeightDecay),
        _ => throw new TrainingException($"There is no optimiser '{options.Optimiser}'."),
    };

    public static void SetRate(this OptimizerHelper optimiser, double rate)
    {
        foreach (optim.ILearningRateController group in optimiser.ParamGroups)
            group.LearningRate = rate;
    }
}

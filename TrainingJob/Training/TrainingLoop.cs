using System.Diagnostics;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Objectives;
using FaceSearch.TrainingJob.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Training;

/// <summary>
/// Steps, schedule, averaging, checkpoints and metrics; what is learnt is the <see cref="Objective"/>'s affair. One
/// checkpoint an epoch, and every random number is a function of seed, epoch and step: a killed run goes on from its
/// last epoch along the same losses.
/// </summary>
/// <param name="options">The run's options.</param>
/// <param name="runtime">Device and precision.</param>
/// <param name="objective">What to learn.</param>
/// <param name="validate">Figures of a network on the validation people, or null where there are too few.</param>
public sealed class TrainingLoop(TrainingOptions options, TorchRuntime runtime, Objective objective, Func<Network, EvaluationFigures?> validate)
{
    private const double LargestGradient = 5;
    private const int StepsPerLine = 10;

    private readonly Checkpoint _checkpoint = new(options.RunFolder);

    /// <summary>Trains to the end, from the run's checkpoint if there is one; the mean network is returned, in evaluation form.</summary>
    /// <param name="trained">The network, with its initial weights.</param>
    /// <exception cref="TrainingException">The run collapsed.</exception>
    public (Network Network, MetricsLog Metrics) Run(Network trained, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        trained.to(runtime.Device);
        var average = new WeightAverage(trained, options.AverageDecay);
        using OptimizerHelper optimiser = Optimisers.Create(options, trained);
        CheckpointState state = _checkpoint.Last ?? new CheckpointState(0, 0, 0);
        if (state.Epoch > 0)
            _checkpoint.Load(state, trained, average.Network, optimiser);
        var metrics = new MetricsLog(Path.Combine(options.RunFolder, "metrics.csv"), state.Step);
        var clock = Stopwatch.StartNew();
        double before = state.Seconds;
        for (int epoch = state.Epoch; epoch < options.Epochs; epoch++)
        {
            manual_seed(Seeds.Mix(options.Seed, epoch, 2));
            long step = Epoch(epoch, state.Step, trained, average, optimiser, metrics, progress, clock, cancellation);
            state = new CheckpointState(epoch + 1, step, before + clock.Elapsed.TotalSeconds);
            _checkpoint.Save(state, trained, average.Network, optimiser);
        }
        return (average.Network, metrics);
    }

    private long Epoch(
        int epoch, long step, Network trained, WeightAverage average, OptimizerHelper optimiser, MetricsLog metrics,
        IProgress<TrainingProgress>? progress, Stopwatch clock, CancellationToken cancellation)
    {
        objective.Prepare(epoch, step, average.Network);
        IReadOnlyList<int[]> batches = objective.Epoch(epoch);
        FeatureShape input = trained.Definition.Input;
        int length = input.Length, done = 0, lineSteps = 0;
        double loss = 0, active = 0;
        bool hasActive = false;
        EvaluationFigures? last = metrics.Lines.LastOrDefault(l => l.Validation is not null)?.Validation;
        trained.train();
        foreach (LoadedBatch batch in BatchLoader.Load(objective, batches, length, options.Seed, epoch, cancellation))
        {
            double share = (epoch + done / (double)batches.Count) / options.Epochs;
            double rate = options.LearningRate * RateSchedule.Factor(options.Schedule, share);
            optimiser.SetRate(rate);
            (double batchLoss, double? batchActive) = Step(trained, optimiser, batch, average, ++step);
            (loss, active, hasActive) = (loss + batchLoss, active + batchActive.GetValueOrDefault(), batchActive is not null);
            done++;
            if (++lineSteps == StepsPerLine || done == batches.Count)
            {
                bool end = done == batches.Count;
                if (end && (epoch % options.ValidateEvery == options.ValidateEvery - 1 || epoch == options.Epochs - 1))
                    last = validate(average.Network) ?? last;
                metrics.Add(new MetricsLine(step, epoch, loss / lineSteps, hasActive ? active / lineSteps : null, rate, end ? last : null));
                double spent = clock.Elapsed.TotalSeconds, overall = (epoch + done / (double)batches.Count) / options.Epochs;
                progress?.Report(new TrainingProgress("training", step, (long)batches.Count * options.Epochs, loss / lineSteps, last, Remaining(spent, overall)));
                (loss, active, lineSteps) = (0, 0, 0);
            }
            cancellation.ThrowIfCancellationRequested();
        }
        return step;
    }

    private double? _startShare;

    private TimeSpan? Remaining(double spent, double share)
    {
        _startShare ??= share;
        double covered = share - _startShare.Value;
        return covered > 0 ? TimeSpan.FromSeconds(spent / covered * (1 - share)) : null;
    }

    private (double Loss, double? Active) Step(Network trained, OptimizerHelper optimiser, LoadedBatch batch, WeightAverage average, long step)
    {
        using QuietHeap quiet = QuietHeap.Enter();
        using DisposeScope scope = NewDisposeScope();
        Tensor input = NetworkEmbedder.ToInput(batch.Values, batch.Examples.Length, trained.Definition, runtime);
        optimiser.zero_grad();
        Tensor[] outputs = trained.Outputs(input, [.. objective.Features.Select(name => trained.Definition.Nodes.Single(n => n.Name == name).Index)]);
        BatchLoss result = objective.Loss(outputs[0], batch.Examples);
        if (objective.FeatureLoss(outputs[1..], batch.Examples) is { } inner)
            result = result with { Loss = result.Loss + inner };
        double loss = result.Loss.item<float>();
        if (result.Trouble is { } trouble)
            throw new TrainingException(trouble);
        if (!double.IsFinite(loss))
            throw new TrainingException("The loss is no longer a finite number. The learning rate is too high for this network; try a third of it.");
        result.Loss.backward();
        nn.utils.clip_grad_norm_(trained.parameters(), LargestGradient);
        optimiser.step();
        average.Update(step);
        return (loss, result.ActiveShare);
    }
}

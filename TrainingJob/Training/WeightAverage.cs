using FaceSearch.TrainingJob.Networks;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Training;

/// <summary>
/// A second network whose weights are a running mean of the trained one's (Polyak averaging). It is what is evaluated and
/// exported: the mean lies nearer the middle of the valley that the trained weights walk about in.
/// </summary>
/// <param name="trained">The network that is trained.</param>
/// <param name="decay">Share of the old mean kept each step; less in the first steps, while there is little to average.</param>
public sealed class WeightAverage(Network trained, double decay) : IDisposable
{
    /// <summary>The mean; in evaluation form.</summary>
    public Network Network { get; } = Copy(trained);

    /// <summary>Takes in the weights after a step.</summary>
    /// <param name="step">1 for the first.</param>
    public void Update(long step)
    {
        double kept = Math.Min(decay, (1.0 + step) / (10.0 + step));
        using IDisposable _ = no_grad();
        foreach ((Tensor mean, Tensor value) in Pairs())
        {
            if (mean.is_floating_point())
                mean.lerp_(value, 1 - kept);
            else
                mean.copy_(value);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Network.Dispose();

    private IEnumerable<(Tensor Mean, Tensor Value)> Pairs() =>
        Network.parameters().Zip(trained.parameters(), (m, v) => ((Tensor)m, (Tensor)v)).Concat(Network.buffers().Zip(trained.buffers()));

    private static Network Copy(Network source)
    {
        var copy = new Network(source.Definition);
        copy.load_state_dict(source.state_dict());
        copy.eval();
        return copy;
    }
}

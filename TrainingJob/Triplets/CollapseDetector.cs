using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Triplets;

/// <summary>When a run counts as collapsed.</summary>
public sealed record CollapseOptions
{
    /// <summary>Steps at the start that are not judged: a network with random weights puts every face close to one point.</summary>
    public int Grace { get; init; } = 200;

    /// <summary>Steps over which the figures are averaged.</summary>
    public int Window { get; init; } = 50;

    /// <summary>
    /// Least variance of embeddings around their mean. Unit vectors spread over the whole sphere have 1; all on one point
    /// have 0.
    /// </summary>
    public double LeastVariance { get; init; } = 0.01;

    /// <summary>
    /// Largest share of active triplets. On one point every triplet is active, with a loss of exactly the margin; with
    /// positives as far apart as negatives at a distance well over the margin it is about one half.
    /// </summary>
    public double LargestActiveShare { get; init; } = 0.98;
}

/// <summary>
/// Notices that a run has stopped learning: all embeddings on one point (the optimum a network falls into when negatives
/// are too hard: f(x) = 0 of FaceNet, section 3.2), almost every triplet active after many steps, or numbers that are no
/// longer finite.
/// </summary>
/// <param name="options">Bounds.</param>
public sealed class CollapseDetector(CollapseOptions? options = null)
{
    private readonly CollapseOptions _options = options ?? new CollapseOptions();
    private readonly Queue<(double Variance, double ActiveShare)> _window = [];
    private int _steps;

    /// <summary>Judges a step.</summary>
    /// <param name="variance">Of the batch's embeddings; see <see cref="Variance"/>.</param>
    /// <param name="mined">The batch's triplets.</param>
    /// <param name="loss">The batch's loss.</param>
    /// <returns>Null while all is well; otherwise what happened and what to try, for the person who started the run.</returns>
    public string? Observe(double variance, MinedTriplets mined, double loss)
    {
        _steps++;
        if (!double.IsFinite(loss) || !double.IsFinite(variance))
            return $"Stopped at step {_steps}: the loss is no longer a finite number. The learning rate is too high for this network; try a third of it.";
        if (_steps <= _options.Grace)
            return null;
        if (mined.Possible > 0)
            _window.Enqueue((variance, mined.ActiveShare));
        if (_window.Count > _options.Window)
            _window.Dequeue();
        if (_window.Count < _options.Window)
            return null;
        double meanVariance = _window.Average(w => w.Variance), meanShare = _window.Average(w => w.ActiveShare);
        if (meanVariance < _options.LeastVariance)
        {
            return $"Stopped at step {_steps}: the embeddings have collapsed to one point (variance {meanVariance:G3}, below {_options.LeastVariance}; " +
                $"{meanShare:P0} of all triplets active). Use semi-hard negatives, a lower learning rate or larger batches.";
        }
        if (meanShare > _options.LargestActiveShare)
        {
            return $"Stopped at step {_steps}: {meanShare:P1} of all triplets are still active (above {_options.LargestActiveShare:P0}; variance {meanVariance:G3}), " +
                "so negatives are no further away than positives. Check that each folder holds one person only, and use a lower learning rate.";
        }
        return null;
    }

    /// <summary>Mean squared distance of embeddings (n x d) from their mean.</summary>
    public static double Variance(Tensor embeddings)
    {
        using IDisposable _ = no_grad();
        using Tensor values = embeddings.detach();
        using Tensor mean = values.mean([0], keepdim: true);
        using Tensor difference = values.sub(mean);
        using Tensor squares = difference.square();
        using Tensor lengths = squares.sum(1);
        using Tensor variance = lengths.mean();
        return variance.item<float>();
    }
}

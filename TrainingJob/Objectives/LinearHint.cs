using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Objectives;

/// <summary>
/// How little of a teacher's features can be read off the network's, by the best linear map. Hints (Romero et al., "FitNets",
/// 2015) give a small network a target at every position of a map and not just one vector a face; where FitNets trains
/// the map between the two along, here it is solved for each batch by least squares, so there is nothing to keep. At
/// the least-squares optimum the loss does not change with the map, so its gradient is that of a constant map.
/// </summary>
public static class LinearHint
{
    /// <summary>Ridge, as a share of the mean variance of a feature.</summary>
    private const double Ridge = 1e-3;

    /// <summary>Share of the teacher's variance that is not explained: 0 where all can be read off, about 1 where nothing can.</summary>
    /// <param name="features">batch x channels x height x width, with a gradient.</param>
    /// <param name="teacher">batch x any channels x the same height and width.</param>
    public static Tensor Loss(Tensor features, Tensor teacher)
    {
        Tensor x = Rows(features.to_type(ScalarType.Float32)), y = Rows(teacher);
        Tensor map;
        using (no_grad())
        {
            Tensor gram = x.t().matmul(x);
            Tensor ridge = eye(gram.shape[0], device: gram.device) * (gram.trace() * (Ridge / gram.shape[0]));
            map = linalg.solve(gram + ridge, x.t().matmul(y));
        }
        return (y - x.matmul(map)).square().sum() / y.square().sum();
    }

    /// <summary>One row a position, each column with mean 0.</summary>
    private static Tensor Rows(Tensor maps)
    {
        Tensor rows = maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1]);
        return rows - rows.mean([0], keepdim: true);
    }
}

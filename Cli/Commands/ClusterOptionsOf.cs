using System.CommandLine;
using FaceSearch.Cli.Terminal;

namespace FaceSearch.Cli.Commands;

/// <summary>What both clustering commands ask for.</summary>
internal static class ClusterOptionsOf
{
    public static Option<float?> Threshold() => new("--threshold")
    {
        Description = "Score at which two single faces become a group, over 0 and below 1; higher makes smaller, surer groups. Default 0.52.",
        HelpName = "score",
    };

    /// <exception cref="UsageException">Out of bounds.</exception>
    public static float? Check(float? threshold) => threshold is null or (> 0 and < 1)
        ? threshold
        : throw new UsageException(FormattableString.Invariant($"--threshold must be over 0 and below 1, got {threshold}."));
}

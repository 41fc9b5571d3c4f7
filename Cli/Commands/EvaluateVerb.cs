using System.CommandLine;

namespace FaceSearch.Cli.Commands;

internal static class EvaluateVerb
{
    public static Command Build(GlobalOptions options) => new("evaluate", "tbd");
}

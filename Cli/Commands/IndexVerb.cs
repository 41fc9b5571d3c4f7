using System.CommandLine;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch index</c>: looks into snapshot files, offline.</summary>
internal static class IndexVerb
{
    public static Command Build(GlobalOptions options)
    {
        Argument<string> file = new("snapshot") { Description = "A snapshot file." };
        return new Command("index", "Look into index files, offline.")
        {
            new Command("inspect", "What a snapshot holds, and whether every block of it is sound.") { file }.WithExamples(
                "facesearch index inspect data/snapshots/people/1/0/000000000042.fsx",
                "# exit code 1: damaged").Runs(options, (run, _) => throw new NotImplementedException()),
        };
    }
}

using System.CommandLine;
using System.CommandLine.Invocation;
using FaceSearch.Cli.Commands;
using FaceSearch.Cli.Terminal;

namespace FaceSearch.Cli;

/// <summary>The whole command tree, and the one place where a command's failure becomes words and an exit code.</summary>
public static class CommandLine
{
    /// <summary>Parses and runs one command line.</summary>
    /// <returns>See docs/cli.md, "Exit codes".</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, CliHost host, CancellationToken cancellation = default)
    {
        ParseResult parse = Build(host).Parse(arguments.Count == 0 ? ["--help"] : arguments);
        if (parse.Action is ParseErrorAction)
            return Refuse(parse, host, arguments);
        InvocationConfiguration configuration = new()
        {
            Output = host.Out,
            Error = host.Error,
            EnableDefaultExceptionHandler = false,
        };
        return await parse.InvokeAsync(configuration, cancellation);
    }

    /// <summary>The command tree: one line a command.</summary>
    internal static RootCommand Build(CliHost host)
    {
        GlobalOptions options = new(host);
        RootCommand root = new("Who is this face? Enrols people, identifies them in pictures, and runs a FaceSearch server from the command line.")
        {
            options.Server,
            options.Key,
            options.Json,
            EnrolVerb.Build(options),
            IdentifyVerb.Build(options),
            VerifyVerb.Build(options),
            DetectVerb.Build(options),
            ClusterVerb.Build(options),
            GalleriesVerb.Build(options),
            IdentitiesVerb.Build(options),
            ModelsVerb.Build(options),
            TrainingVerb.Build(options),
            KeysVerb.Build(options),
            BackupVerb.Build(options),
            EvaluateVerb.Build(options),
            IndexVerb.Build(options),
            StatusVerb.Build(options),
        };
        root.WithExamples(
            "# one sub-folder per person, then a question",
            "facesearch enrol photos/",
            "facesearch identify party.jpg",
            "# exit codes: 0 done or matched, 1 failed, 2 usage, 3 no match, 4 server unavailable, 5 done in part, 130 stopped");
        HelpText.Install(root, host.Width);
        return root;
    }

    /// <summary>Gives a command its body, with one client and one output, and turns what it throws into an exit code.</summary>
    internal static T Runs<T>(this T command, GlobalOptions options, Func<Invocation, CancellationToken, Task<int>> body) where T : Command
    {
        command.SetAction(async (parse, cancellation) =>
        {
            using Invocation run = new(options, parse);
            try
            {
                return await body(run, cancellation);
            }
            catch (Exception exception) when (Failures.Describe(exception, run.Server, cancellation) is { } problem)
            {
                run.Output.Problem(problem);
                return problem.ExitCode;
            }
        });
        return command;
    }

    private static int Refuse(ParseResult parse, CliHost host, IReadOnlyList<string> arguments)
    {
        Command command = parse.CommandResult.Command;
        string path = string.Join(' ', PathOf(command));
        Output output = new(host, arguments.Contains("--json"));
        output.Problem(new CliProblem("usage", string.Join(' ', parse.Errors.Select(error => error.Message).Distinct()), $"See: {path} --help", ExitCodes.Usage));
        return ExitCodes.Usage;
    }

    /// <summary>The words that reach a command, from <c>facesearch</c> on.</summary>
    private static IEnumerable<string> PathOf(Command command)
    {
        Command? parent = command.Parents.OfType<Command>().FirstOrDefault();
        return parent is null ? ["facesearch"] : PathOf(parent).Append(command.Name);
    }
}

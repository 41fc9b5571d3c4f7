using System.CommandLine;
using FaceSearch.TrainingJob.Training;
using FaceSearch.TrainingJob.Worker;
using FaceSearch.Vision;
using Spectre.Console;

namespace FaceSearch.TrainingJob.Commands;

/// <summary>The command tree of <c>trainingjob</c>, and the one place where a failure becomes words and an exit code.</summary>
public static class CommandLine
{
    /// <summary>Done, failed, wrong usage, stopped by the user.</summary>
    public const int Ok = 0, Failed = 1, Usage = 2, Stopped = 130;

    /// <summary>Parses and runs one command line.</summary>
    public static async Task<int> RunAsync(string[] arguments, CancellationToken cancellation = default)
    {
        ParseResult parse = Build().Parse(arguments.Length == 0 ? ["--help"] : arguments);
        int code = await parse.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, cancellation);
        return parse.Errors.Count > 0 ? Usage : code;
    }

    /// <summary>One line a command.</summary>
    internal static RootCommand Build()
    {
        RootCommand root = new("Trains embedders for FaceSearch: on a CPU or a GPU, resumable, judged on people that were not trained on.")
        {
            TrainCommand.Build(),
            EvaluateCommand.Build(),
            ExportCommand.Build(),
            NetworksCommand.Build(),
            WorkCommand.Build(() => new Trainer()),
        };
        Help.Install(root.WithExamples(
            "# minutes on a CPU: adapt the installed embedder to your people",
            "trainingjob train --mode head --data photos/ --models models/ --out runs/head",
            "trainingjob networks",
            "# take up the training runs of a server",
            "trainingjob work --silo 127.0.0.1:30000 --server http://127.0.0.1:8080",
            "# exit codes: 0 done, 1 failed, 2 usage, 130 stopped"));
        return root;
    }

    /// <summary>Gives a command its body and turns what it throws into an exit code.</summary>
    internal static Command Runs(this Command command, Func<ParseResult, CancellationToken, Task> body)
    {
        command.SetAction(async (parse, cancellation) =>
        {
            try
            {
                await body(parse, cancellation);
                return Ok;
            }
            catch (Exception e) when (e is TrainingException or ModelException or IOException or UnauthorizedAccessException or ArgumentException)
            {
                AnsiConsole.MarkupLineInterpolated($"[red]error:[/] {e.Message}");
                return Failed;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                AnsiConsole.MarkupLine("Stopped. The same command goes on from the last whole epoch.");
                return Stopped;
            }
        });
        return command;
    }
}

using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace FaceSearch.Cli;

/// <summary>Adds examples to a command's help, below its options: most people read those first.</summary>
internal static class HelpText
{
    private static readonly ConditionalWeakTable<Command, string[]> Examples = [];

    /// <summary>Attaches example lines: a command line each, or an explanation that starts with '#'.</summary>
    public static T WithExamples<T>(this T command, params string[] lines) where T : Command
    {
        Examples.AddOrUpdate(command, lines);
        return command;
    }

    /// <summary>The examples of a command, or none.</summary>
    public static IReadOnlyList<string> ExamplesOf(Command command) =>
        Examples.TryGetValue(command, out string[]? lines) ? lines : [];

    /// <summary>Makes <c>--help</c> show the examples of whichever command it is asked about.</summary>
    public static void Install(RootCommand root, int width)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        HelpAction usual = (HelpAction)option.Action!;
        usual.MaxWidth = Math.Min(width, 110);
        option.Action = new Action(usual);
    }

    private sealed class Action(HelpAction usual) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parse)
        {
            Command command = parse.CommandResult.Command;
            TextWriter output = parse.InvocationConfiguration.Output;
            usual.Invoke(parse);
            IReadOnlyList<string> lines = ExamplesOf(command);
            if (lines.Count > 0)
            {
                output.WriteLine("Examples:");
                foreach (string line in lines)
                    output.WriteLine($"  {line}");
                output.WriteLine();
            }
            return ExitCodes.Ok;
        }
    }
}

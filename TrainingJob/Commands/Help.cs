using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace FaceSearch.TrainingJob.Commands;

/// <summary>Examples below a command's options: most people read those first.</summary>
internal static class Help
{
    private static readonly ConditionalWeakTable<Command, string[]> Examples = [];

    /// <summary>Attaches a command line each, or an explanation that starts with '#'.</summary>
    public static T WithExamples<T>(this T command, params string[] lines) where T : Command
    {
        Examples.AddOrUpdate(command, lines);
        return command;
    }

    /// <summary>Makes <c>--help</c> show them.</summary>
    public static void Install(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        option.Action = new WithExamplesBelow((HelpAction)option.Action!);
    }

    private sealed class WithExamplesBelow(HelpAction usual) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parse)
        {
            usual.Invoke(parse);
            if (!Examples.TryGetValue(parse.CommandResult.Command, out string[]? lines))
                return CommandLine.Ok;
            TextWriter output = parse.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string line in lines)
                output.WriteLine($"  {line}");
            output.WriteLine();
            return CommandLine.Ok;
        }
    }
}

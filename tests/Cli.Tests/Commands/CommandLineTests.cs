using System.CommandLine;

namespace FaceSearch.Cli.Tests.Commands;

public sealed class CommandLineTests
{
    public static TheoryData<string> EveryCommand()
    {
        TheoryData<string> paths = [];
        foreach (string path in Paths(Root(), ""))
            paths.Add(path);
        return paths;
    }

    [Fact]
    public void The_tree_holds_every_command_of_the_documentation() => Paths(Root(), "").ShouldBe(
    [
        "enrol", "identify", "verify", "detect", "cluster",
        "galleries", "galleries list", "galleries create", "galleries describe", "galleries change", "galleries calibrate", "galleries cluster", "galleries reembed", "galleries delete",
        "identities", "identities list", "identities get", "identities metadata", "identities remove-template", "identities erase",
        "models", "models list", "models pull", "models verify", "models import", "models show", "models compare", "models upload", "models shadow", "models promote", "models rollback", "models retire",
        "training", "training start", "training list", "training show", "training cancel", "training schedule", "training schedules", "training unschedule",
        "keys", "keys list", "keys create", "keys revoke",
        "backup", "backup list", "backup verify", "backup cancel",
        "evaluate", "evaluate pairs", "evaluate identify", "evaluate strangers",
        "index", "index inspect", "status",
    ]);

    [Theory]
    [MemberData(nameof(EveryCommand))]
    public async Task Help_of_every_command_describes_it_and_every_option(string path)
    {
        Ran help = await Cli.RunAsync([.. path.Split(' '), "--help"]);

        help.ExitCode.ShouldBe(ExitCodes.Ok);
        help.Error.ShouldBeEmpty();
        Command command = Find(path);
        command.Description.ShouldNotBeNullOrWhiteSpace();
        Flat(help.Out).ShouldContain(command.Description!);
        foreach (Option option in command.Options)
        {
            help.Out.ShouldContain(option.Name);
            option.Description.ShouldNotBeNullOrWhiteSpace($"{path} {option.Name}");
        }
        foreach (Argument argument in command.Arguments)
            argument.Description.ShouldNotBeNullOrWhiteSpace($"{path} {argument.Name}");
    }

    [Theory]
    [MemberData(nameof(EveryCommand))]
    public async Task Every_command_that_does_something_teaches_by_examples_that_parse(string path)
    {
        Command command = Find(path);
        if (command.Subcommands.Count > 0) return;
        string[] examples = [.. HelpText.ExamplesOf(command).Where(line => line.StartsWith("facesearch ", StringComparison.Ordinal))];

        examples.ShouldNotBeEmpty();
        (await Cli.RunAsync([.. path.Split(' '), "-h"])).Out.ShouldContain(examples[0]);
        foreach (string example in examples)
        {
            string words = example["facesearch ".Length..].Split('|', '#')[0];
            Root().Parse(words).Errors.ShouldBeEmpty(example);
            words.ShouldStartWith(path);
        }
    }

    [Fact]
    public async Task Without_arguments_the_command_explains_itself()
    {
        Ran ran = await Cli.RunAsync();

        ran.ExitCode.ShouldBe(ExitCodes.Ok);
        ran.Out.ShouldContain("facesearch enrol photos/");
    }

    [Theory]
    [InlineData("identify")]
    [InlineData("identify a.jpg --top many")]
    [InlineData("enrol photos --faces both")]
    [InlineData("enrol photos --parallel 0")]
    [InlineData("keys create somebody")]
    [InlineData("galleries")]
    [InlineData("frobnicate")]
    [InlineData("identify a.jpg --target-fpir 0.01 --score 0.5")]
    [InlineData("identify a.jpg --target-fpir 0.9")]
    [InlineData("galleries create Upper_Case")]
    [InlineData("verify /nowhere/a.jpg /nowhere/b.jpg")]
    [InlineData("identities remove-template somebody 12 --yes")]
    [InlineData("identify a.jpg --filter team")]
    [InlineData("status --server ftp://somewhere")]
    [InlineData("evaluate strangers /nowhere --sizes 1")]
    [InlineData("galleries cluster people --threshold 1")]
    [InlineData("galleries cluster people --limit 0")]
    public async Task A_wrong_command_line_ends_with_usage_and_a_hint_before_anything_is_sent(string words)
    {
        using TemporaryFolder folder = new();
        string image = folder.Write("a.jpg", 1);
        Ran ran = await Cli.RunAsync([.. words.Replace("a.jpg", image, StringComparison.Ordinal).Split(' '), .. words.Contains("--server", StringComparison.Ordinal) ? [] : (string[])["--server", Cli.NoServer]]);

        ran.ExitCode.ShouldBe(ExitCodes.Usage, ran.Error);
        ran.Out.ShouldBeEmpty();
        ran.Error.ShouldStartWith("facesearch: ");
    }

    [Fact]
    public async Task A_wrong_command_line_with_json_is_reported_as_json()
    {
        Ran ran = await Cli.RunAsync("enrol", "--json");

        ran.ExitCode.ShouldBe(ExitCodes.Usage);
        ran.Problem.GetProperty("type").GetString().ShouldBe("usage");
        ran.Problem.GetProperty("next").GetString().ShouldBe("See: facesearch enrol --help");
    }

    [Fact]
    public async Task A_missing_server_is_named_with_the_command_that_starts_one()
    {
        Ran ran = await Cli.RunAsync("status", "--server", Cli.NoServer);

        ran.ExitCode.ShouldBe(ExitCodes.Unavailable);
        ran.Out.ShouldBeEmpty();
        ran.Error.ShouldContain($"No server answers at {Cli.NoServer}");
        ran.Error.ShouldContain("dotnet run -c Release --project Silo");
    }

    [Fact]
    public async Task The_server_s_address_comes_from_the_environment_unless_the_option_says_otherwise()
    {
        Dictionary<string, string> variables = new() { ["FACESEARCH_SERVER"] = Cli.NoServer };

        (await Cli.RunWithAsync(variables, "galleries", "list")).Error.ShouldContain(Cli.NoServer);
        (await Cli.RunWithAsync(variables, "galleries", "list", "--server", "http://127.0.0.1:7")).Error.ShouldContain("http://127.0.0.1:7");
    }

    [Fact]
    public async Task Erasing_needs_a_yes_where_nobody_can_be_asked()
    {
        Ran ran = await Cli.RunAsync("galleries", "delete", "people", "--server", Cli.NoServer);

        ran.ExitCode.ShouldBe(ExitCodes.Usage);
        ran.Error.ShouldContain("--yes");
    }

    private static string Flat(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static RootCommand Root() => CommandLine.Build(new CliHost { Out = TextWriter.Null, Error = TextWriter.Null });

    private static Command Find(string path)
    {
        Command command = Root();
        foreach (string word in path.Split(' '))
            command = command.Subcommands.Single(sub => sub.Name == word);
        return command;
    }

    private static IEnumerable<string> Paths(Command command, string prefix)
    {
        foreach (Command sub in command.Subcommands)
        {
            yield return prefix + sub.Name;
            foreach (string below in Paths(sub, $"{prefix}{sub.Name} "))
                yield return below;
        }
    }
}

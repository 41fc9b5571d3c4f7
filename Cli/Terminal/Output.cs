using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Terminal;

/// <summary>
/// Where one command's words go. A result is either drawn for a person or, with <c>--json</c>, written as one JSON
/// document; both go to standard output. Notes, progress and errors go to standard error, so that a pipe stays clean.
/// </summary>
internal sealed class Output
{
    /// <summary>
    /// Every JSON document of the command line. The API's records keep the form they have over HTTP; the command line's own
    /// follow it: camelCase, enums as camelCase words, nulls left out.
    /// </summary>
    public static JsonSerializerOptions Json { get; } = new(FaceSearchJson.Default.Options)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        TypeInfoResolver = JsonTypeInfoResolver.Combine(FaceSearchJson.Default, new DefaultJsonTypeInfoResolver()),
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly CliHost host;
    private readonly IAnsiConsole results;
    private readonly IAnsiConsole progress;

    public Output(CliHost host, bool json)
    {
        this.host = host;
        IsJson = json;
        results = Create(host.Out, host.Width, host.DrawProgress);
        progress = Create(host.Error, host.Width, host.DrawProgress);
    }

    /// <summary>Whether <c>--json</c> was given.</summary>
    public bool IsJson { get; }

    /// <summary>Writes the command's one result.</summary>
    public void Result<T>(T value, Action<IAnsiConsole, T> draw)
    {
        if (IsJson)
            host.Out.WriteLine(JsonSerializer.Serialize(value, Json));
        else
            draw(results, value);
    }

    /// <summary>One line for the person at the terminal; silent with <c>--json</c>.</summary>
    public void Note(string line)
    {
        if (!IsJson)
            host.Error.WriteLine(line);
    }

    /// <summary>Reports a failure: what happened, and what to do next. With <c>--json</c> one JSON document on standard error.</summary>
    public void Problem(CliProblem problem)
    {
        if (IsJson)
        {
            host.Error.WriteLine(JsonSerializer.Serialize(new { problem }, Json));
            return;
        }
        host.Error.WriteLine($"facesearch: {problem.Detail}");
        if (problem.Next is not null)
            host.Error.WriteLine($"  {problem.Next}");
    }

    /// <summary>Asks before something irreversible.</summary>
    /// <exception cref="UsageException">Nobody can be asked and <paramref name="yes"/> is false.</exception>
    public bool Confirm(string question, bool yes)
    {
        if (yes) return true;
        if (host.In is null || IsJson)
            throw new UsageException($"{question} This cannot be undone.", "Add --yes to confirm.");
        host.Error.Write($"{question} This cannot be undone. Type yes: ");
        return string.Equals(host.In.ReadLine()?.Trim(), "yes", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Runs work under a progress bar with count, rate and time left, when a terminal is watching.</summary>
    public async Task WithProgressAsync(string title, int total, Func<IProgress<int>, Task> work)
    {
        if (IsJson || !host.DrawProgress || total == 0)
        {
            await work(new Counter(_ => { }));
            return;
        }
        await progress.Progress()
            .AutoClear(false)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new CountColumn(), new RateColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: total);
                await work(new Counter(done => task.Increment(done)));
                task.StopTask();
            });
    }

    private static IAnsiConsole Create(TextWriter writer, int width, bool terminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = terminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        console.Profile.Width = width;
        return console;
    }

    /// <summary>Reports synchronously, unlike <see cref="Progress{T}"/>, which would post to the pool.</summary>
    private sealed class Counter(Action<int> report) : IProgress<int>
    {
        public void Report(int value) => report(value);
    }
}

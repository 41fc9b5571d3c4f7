namespace FaceSearch.Cli;

/// <summary>What the command line touches outside itself; one for the process, another for each test.</summary>
public sealed record CliHost
{
    /// <summary>Results go here and nothing else does.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Progress, notes and errors.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Reads answers to questions such as "erase?"; null where nobody can be asked.</summary>
    public TextReader? In { get; init; }

    /// <summary>Whether <see cref="Error"/> is a terminal: only then is progress drawn.</summary>
    public bool DrawProgress { get; init; }

    /// <summary>Width of tables in characters.</summary>
    public int Width { get; init; } = 160;

    /// <summary>Environment variables.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Folder that relative defaults start from.</summary>
    public string CurrentFolder { get; init; } = Environment.CurrentDirectory;

    /// <summary>The real console.</summary>
    public static CliHost Console() => new()
    {
        Out = System.Console.Out,
        Error = System.Console.Error,
        In = System.Console.IsInputRedirected ? null : System.Console.In,
        DrawProgress = !System.Console.IsErrorRedirected,
        Width = System.Console.IsOutputRedirected ? 160 : Math.Max(60, WindowWidth()),
    };

    private static int WindowWidth()
    {
        try
        {
            return System.Console.WindowWidth;
        }
        catch (IOException)
        {
            return 160;
        }
    }
}

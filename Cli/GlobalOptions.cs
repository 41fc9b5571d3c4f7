using System.CommandLine;

namespace FaceSearch.Cli;

/// <summary>Options that every command understands.</summary>
internal sealed class GlobalOptions
{
    /// <summary>Where the server listens unless told otherwise.</summary>
    public const string DefaultServer = "http://127.0.0.1:8080";

    /// <summary>The gallery of a newcomer who has named none.</summary>
    public const string DefaultGallery = "people";

    public GlobalOptions(CliHost host)
    {
        Host = host;
        Server = new("--server")
        {
            Description = "Address of the FaceSearch server (environment: FACESEARCH_SERVER).",
            HelpName = "url",
            DefaultValueFactory = _ => NonEmpty(host.Variable("FACESEARCH_SERVER")) ?? DefaultServer,
            Recursive = true,
        };
        Key = new("--key")
        {
            Description = "API key; prefer the environment (FACESEARCH_KEY), which other users cannot see.",
            HelpName = "fs_...",
            Recursive = true,
        };
        Json = new("--json")
        {
            Description = "Write one JSON document to standard output and nothing else there.",
            Recursive = true,
        };
    }

    /// <summary>The world outside.</summary>
    public CliHost Host { get; }

    public Option<string> Server { get; }

    public Option<string?> Key { get; }

    public Option<bool> Json { get; }

    /// <summary>The key in force: option, then environment.</summary>
    public string? KeyOf(ParseResult parse) => NonEmpty(parse.GetValue(Key)) ?? NonEmpty(Host.Variable("FACESEARCH_KEY"));

    /// <summary>A fresh <c>--gallery</c> option; one a command, since not every command has it.</summary>
    public Option<string> Gallery() => new("--gallery", "-g")
    {
        Description = "Gallery to work on (environment: FACESEARCH_GALLERY).",
        HelpName = "id",
        DefaultValueFactory = _ => NonEmpty(Host.Variable("FACESEARCH_GALLERY")) ?? DefaultGallery,
    };

    private static string? NonEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}

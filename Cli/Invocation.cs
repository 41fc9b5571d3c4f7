using System.CommandLine;
using FaceSearch.Cli.Client;
using FaceSearch.Cli.Terminal;

namespace FaceSearch.Cli;

/// <summary>One run of one command: its parsed values, its output, its client.</summary>
internal sealed class Invocation : IDisposable
{
    private readonly GlobalOptions options;
    private FaceSearchClient? client;

    public Invocation(GlobalOptions options, ParseResult parse)
    {
        this.options = options;
        Parse = parse;
        Output = new Output(options.Host, parse.GetValue(options.Json));
    }

    public ParseResult Parse { get; }

    public Output Output { get; }

    public CliHost Host => options.Host;

    /// <summary>The server's address as it was given.</summary>
    public string Server => Parse.GetRequiredValue(options.Server);

    /// <summary>The one client of this run; made on first use, so that offline commands need no server.</summary>
    public FaceSearchClient Client => client ??= new FaceSearchClient(ServerUri(), options.KeyOf(Parse));

    public void Dispose() => client?.Dispose();

    private Uri ServerUri() =>
        Uri.TryCreate(Server, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new UsageException($"--server must be an http or https address, got '{Server}'.", $"For example: --server {GlobalOptions.DefaultServer}");
}

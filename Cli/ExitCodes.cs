namespace FaceSearch.Cli;

/// <summary>What the process returns. Part of the command's contract: scripts branch on it (docs/cli.md).</summary>
internal static class ExitCodes
{
    /// <summary>Done; for identify and verify also: matched.</summary>
    public const int Ok = 0;

    /// <summary>The work failed: the server refused it, a file is damaged, a check did not hold.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong; nothing was done.</summary>
    public const int Usage = 2;

    /// <summary>An answer, but not a match: unknown, ambiguous, different, no face.</summary>
    public const int NoMatch = 3;

    /// <summary>No server answered, or it was too busy after several attempts; the same command may succeed later.</summary>
    public const int Unavailable = 4;

    /// <summary>Done in part: some images were refused or failed, and the report says which.</summary>
    public const int Partial = 5;

    /// <summary>Stopped by Ctrl+C (128 + SIGINT).</summary>
    public const int Cancelled = 130;
}

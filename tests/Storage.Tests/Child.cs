using System.Diagnostics;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests;

/// <summary>
/// The test executable as another process: with the variable below set it does one errand instead of running tests, so
/// that a test can kill it, or run it under a tool that makes system calls fail.
/// </summary>
internal static class Child
{
    private const string Errand = "FACESEARCH_STORAGE_TESTS_ERRAND";

    public static readonly ShardId Shard = new("people", 1, 0);

    /// <param name="errand">"hold" the data folder, or "commit" to a log until killed.</param>
    /// <param name="folder">The data folder.</param>
    /// <param name="seed">For "commit".</param>
    /// <param name="under">A tool and its arguments that runs the process; null: none.</param>
    public static Process Start(string errand, string folder, int seed = 0, IReadOnlyList<string>? under = null)
    {
        string dll = Path.Combine(AppContext.BaseDirectory, "FaceSearch.Storage.Tests.dll");
        string[] command = [.. under ?? [], "dotnet", dll];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardInput = true, UseShellExecute = false };
        start.Environment[Errand] = $"{errand}\n{folder}\n{seed}";
        return Process.Start(start)!;
    }

    /// <summary>Does the errand, if there is one.</summary>
    public static bool Ran()
    {
        if (Environment.GetEnvironmentVariable(Errand) is not { } errand)
            return false;
        string[] words = errand.Split('\n');
        using DataFolderLock held = DataFolderLock.Take(new DataFolder(words[1]));
        if (words[0] == "hold")
        {
            Console.WriteLine("held");
            Console.In.ReadToEnd();
        }
        else
        {
            CommitAsync(held.Folder, int.Parse(words[2], System.Globalization.CultureInfo.InvariantCulture)).GetAwaiter().GetResult();
        }
        return true;
    }

    /// <summary>Eight writers that enrol, change and erase; one line for each operation when it begins and when it is acknowledged.</summary>
    private static async Task CommitAsync(DataFolder folder, int seed)
    {
        await using ITemplateLog log = await new SqliteTemplateLogProvider(folder, new FixedTime(Make.Day)).OpenAsync(Shard);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(w => Task.Run(async () =>
        {
            var script = new KillScript((seed * 8) + w);
            while (true)
            {
                (IdentityChange change, string line) = script.Next();
                Say($"try {line}");
                try
                {
                    CommitResult result = await log.CommitAsync(change);
                    Say(result.Status == CommitStatus.Applied ? $"ack {line}" : $"odd {line} {result.Status}");
                }
                catch (StorageException e)
                {
                    Say($"fail {line} {e.GetType().Name}");
                    if (e is LogPoisonedException)
                        return;
                }
            }
        })));

        static void Say(string line)
        {
            lock (Console.Out)
            {
                Console.Out.WriteLine(line);
                Console.Out.Flush();
            }
        }
    }
}

/// <summary>One writer's endless, seeded sequence of operations on identities of its own.</summary>
internal sealed class KillScript(int seed)
{
    private readonly Make _make = new(seed);
    private int _next;

    /// <summary>The next change and its line: "operation kind identity count".</summary>
    public (IdentityChange Change, string Line) Next()
    {
        int n = _next++;
        string identity = $"w{seed}-{n / 4}";
        string operation = $"op-{seed}-{n}";
        return (n % 4) switch
        {
            3 when n % 8 == 7 => (_make.Erase(identity) with { OperationId = operation }, $"{operation} erase {identity} 0"),
            _ => (_make.Enrol(identity, 2, operation, ("count", $"{(n % 4) + 1}")) with { ExpectedVersion = n % 4 }, $"{operation} enrol {identity} {(n % 4) + 1}"),
        };
    }
}

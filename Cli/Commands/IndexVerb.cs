using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using FaceSearch.Cli.Terminal;
using FaceSearch.VectorIndex;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary>What a snapshot file holds. Its JSON form is stable.</summary>
/// <param name="Sound">Every byte of it was read and its checksums hold.</param>
/// <param name="Vectors">Vectors it holds; null when damaged, as are the next three.</param>
/// <param name="Engine"><c>graph</c> (HNSW) or <c>flat</c> (exact scan).</param>
/// <param name="CodesOnly">It holds quantised codes without the float32 vectors.</param>
/// <param name="Block">The damaged block.</param>
/// <param name="Problem">What is wrong.</param>
internal sealed record SnapshotFacts(
    string File, long Bytes, bool Sound, long? Vectors, int? Dimension, string? Engine, bool? CodesOnly, double Seconds, string? Block, string? Problem);

/// <summary><c>facesearch index</c>: looks into snapshot files, offline.</summary>
internal static class IndexVerb
{
    private const string FileName = "index.fsx";

    public static Command Build(GlobalOptions options)
    {
        Argument<string> path = new("snapshot") { Description = $"A snapshot file, or a folder: every {FileName} below it." };
        return new Command("index", "Look into index files, offline.")
        {
            new Command("inspect", "What a snapshot holds, and whether every byte of it is sound.") { path }.WithExamples(
                "facesearch index inspect facesearch-data/snapshots",
                "# exit code 1: one is damaged").Runs(options, (run, _) =>
            {
                List<SnapshotFacts> snapshots = [.. Files(run.Parse.GetRequiredValue(path)).Select(Inspect)];
                run.Output.Result(new { snapshots }, (console, _) => Draw(console, snapshots));
                return Task.FromResult(snapshots.All(snapshot => snapshot.Sound) ? ExitCodes.Ok : ExitCodes.Failed);
            }),
        };
    }

    private static string[] Files(string path)
    {
        if (File.Exists(path)) return [path];
        if (!Directory.Exists(path))
            throw new UsageException($"There is no file or folder '{path}'.");
        string[] files = Directory.GetFiles(path, FileName, SearchOption.AllDirectories);
        Array.Sort(files, StringComparer.Ordinal);
        return files.Length > 0 ? files : throw new UsageException($"No {FileName} lies below '{path}'.", "A shard writes its first snapshot some time after its first enrolments.");
    }

    private static SnapshotFacts Inspect(string file)
    {
        long bytes = new FileInfo(file).Length;
        Stopwatch clock = Stopwatch.StartNew();
        try
        {
            (TieredIndex index, bool codesOnly) = Open(file);
            using (index)
                return new(file, bytes, true, index.Count, index.Dimension, index.UsesGraph ? "graph" : "flat", codesOnly, Elapsed(clock), null, null);
        }
        catch (IndexDamagedException damage)
        {
            return new(file, bytes, false, null, null, null, null, Elapsed(clock), damage.Block, damage.Message);
        }
        catch (IndexVersionException newer)
        {
            return new(file, bytes, false, null, null, null, null, Elapsed(clock), null, newer.Message);
        }
    }

    /// <summary>Opens with the vectors mapped, which still verifies every byte; one that holds only codes cannot be mapped.</summary>
    private static (TieredIndex Index, bool CodesOnly) Open(string file)
    {
        try
        {
            return (TieredIndex.Load(file, VectorStorage.Mapped), false);
        }
        catch (ArgumentException)
        {
            return (TieredIndex.Load(file, VectorStorage.CodesOnly), true);
        }
    }

    private static double Elapsed(Stopwatch clock) => Math.Round(clock.Elapsed.TotalSeconds, 3);

    private static void Draw(IAnsiConsole console, List<SnapshotFacts> snapshots)
    {
        Table table = Tables.Create(">vectors", ">d", "engine", ">bytes", ">verified in", "state", "snapshot");
        foreach (SnapshotFacts facts in snapshots)
        {
            table.Row(
                facts.Vectors is { } vectors ? Tables.Count(vectors) : null, facts.Dimension?.ToString(CultureInfo.InvariantCulture),
                facts.CodesOnly == true ? $"{facts.Engine}, codes only" : facts.Engine, Tables.Count(facts.Bytes), Tables.Seconds(facts.Seconds),
                facts.Sound ? "sound" : facts.Problem, facts.File);
        }
        console.Write(table);
    }
}

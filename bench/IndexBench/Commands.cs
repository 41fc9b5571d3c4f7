using System.CommandLine;
using System.Globalization;
using FaceSearch.IndexBench.Data;
using FaceSearch.IndexBench.Rows;
using FaceSearch.IndexBench.Workers;

namespace FaceSearch.IndexBench;

/// <summary>The command line: one sub-command a row of the results.</summary>
internal static class Commands
{
    private static readonly Option<int> Size = new("--size") { Description = "Vectors of the generated data: 100000 or 1000000 are what the targets speak of.", DefaultValueFactory = _ => 100_000 };
    private static readonly Option<string> Data = new("--data") { Description = "face (face-like), uniform (random directions, the worst case) or real (templates of LFW; needs FACESEARCH_DATA).", DefaultValueFactory = _ => "face" };
    private static readonly Option<int> Rounds = new("--rounds") { Description = "Timed rounds; the sides alternate in each, and medians are reported.", DefaultValueFactory = _ => 5 };
    private static readonly Option<int> Core = new("--core") { Description = "Processor that single-threaded measurements are pinned to.", DefaultValueFactory = _ => Environment.ProcessorCount - 1 };
    private static readonly Option<bool> KeepIndex = new("--keep-index") { Description = "Reopen our saved index even if another build of the library wrote it (ours is rebuilt otherwise)." };
    private static readonly Option<DirectoryInfo> Work = new("--work") { Description = "Generated data and saved indexes (hnswlib takes minutes to build a million): kept between runs, safe to delete.", DefaultValueFactory = _ => new DirectoryInfo(Path.Combine(Path.GetTempPath(), "facesearch-index-bench")) };
    private static readonly Option<DirectoryInfo> Results = new("--results") { Description = "Where tables and plots go; a folder named after the processor is made in it.", DefaultValueFactory = _ => new DirectoryInfo(Path.Combine("bench", "results")) };

    public static RootCommand Create()
    {
        var root = new RootCommand("""
            Measures FaceSearch's vector index beside its peers: on the same bytes, in alternating rounds, at equal recall.

            Each side is a child process that times itself. Figures are processor time (a thread's own, so a shared machine does not
            show), next to wall time where threads wait for each other. Start it by bench/run-index.sh, which installs and compiles
            the peers. Results: bench/results/<processor>/, one table (.md and .csv) a row, plots, and summary.md with the targets.

            Examples:
              bench/run-index.sh all                      every row at 100,000 vectors
              bench/run-index.sh all --size 1000000       the same at a million (about half an hour the first time)
              bench/run-index.sh search --data real       recall against speed on real templates
            """);
        foreach (Option option in new Option[] { Size, Data, Rounds, Core, KeepIndex, Work, Results })
        {
            option.Recursive = true;
            root.Options.Add(option);
        }

        root.Subcommands.Add(Row("search", "Recall against speed (r@1, queries/s, p99) of graph, exact scan and hnswlib, one thread.", SearchRow.Run));
        root.Subcommands.Add(Row("early", "Early decision: speed at a given recall of mated probes above the threshold.", EarlyRow.Run));
        root.Subcommands.Add(Row("build", "Inserts/s on two threads, recall at equal ef; builds anew and saves both indexes for the other rows.", BuildRow.Run));
        root.Subcommands.Add(Row("mixed", "Insert while searching.", MixedRow.Run));
        root.Subcommands.Add(Row("churn", "Delete a tenth and re-insert: recall at equal ef at every stage, and the cost.", ChurnRow.Run));
        root.Subcommands.Add(Row("memory", "Resident bytes a vector, and load to first answer.", MemoryRow.Run));
        root.Subcommands.Add(Row("batch", "Exact scan of 32 queries at once against one at a time.", BatchRow.Run));
        root.Subcommands.Add(Row("selfjoin", "All-against-all self-join beside faiss's flat index, two threads.", SelfJoinRow.Run));
        root.Subcommands.Add(Row("crossover", "From how many vectors on the graph beats the exact scan.", (_, settings) => CrossoverRow.Run(settings), needsData: false));
        root.Subcommands.Add(Row("cluster", "Grouping of real templates beside scikit-learn's DBSCAN and average linkage.", (_, settings) => ClusterRow.Run(settings), needsData: false));
        root.Subcommands.Add(Row("kernels", "The arithmetic by itself, with BenchmarkDotNet.", (_, settings) => KernelRow.Run(settings), needsData: false));
        root.Subcommands.Add(All());
        var worker = new Command("worker", "FaceSearch's side of a comparison; started by the other commands.") { Hidden = true };
        worker.SetAction(_ => FaceSearchWorker.Serve());
        root.Subcommands.Add(worker);
        return root;
    }

    private static Command Row(string name, string description, Action<DataSet, BenchSettings> run, bool needsData = true)
    {
        var command = new Command(name, description);
        command.SetAction(parsed =>
        {
            BenchSettings settings = Settings(parsed);
            run(needsData ? DataSet.Open(parsed.GetValue(Data)!, settings.Size, settings) : null!, settings);
        });
        return command;
    }

    private static Command All()
    {
        var command = new Command("all", "Every row: at 100,000 with the real templates, crossover, clustering and kernels; at other sizes the rows that have targets there.");
        command.SetAction(parsed =>
        {
            BenchSettings settings = Settings(parsed);
            DataSet set = DataSet.Open("face", settings.Size, settings);
            Action<DataSet, BenchSettings>[] rows = [BuildRow.Run, SearchRow.Run, EarlyRow.Run, MixedRow.Run, ChurnRow.Run, MemoryRow.Run, BatchRow.Run];
            foreach (Action<DataSet, BenchSettings> row in rows) row(set, settings);
            if (settings.Size > 200_000) return;
            SelfJoinRow.Run(set, settings);
            SearchRow.Run(DataSet.Open("uniform", settings.Size, settings), settings);
            CrossoverRow.Run(settings);
            if (RealTemplates.FindFolder() is not null)
            {
                SearchRow.Run(DataSet.Open("real", settings.Size, settings), settings);
                EarlyRow.Run(DataSet.Open("real", settings.Size, settings), settings);
                ClusterRow.Run(settings);
            }

            KernelRow.Run(settings);
        });
        return command;
    }

    private static BenchSettings Settings(ParseResult parsed)
    {
        string work = parsed.GetValue(Work)!.FullName;
        Directory.CreateDirectory(work);
        return new BenchSettings(work, Path.Combine(parsed.GetValue(Results)!.FullName, ProcessorName()), parsed.GetValue(Size), parsed.GetValue(Rounds), parsed.GetValue(Core),
            parsed.GetValue(KeepIndex));
    }

    /// <summary>The processor's name and family, as a folder name.</summary>
    private static string ProcessorName()
    {
        string Field(string key) => File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal))?.Split(':')[^1].Trim() ?? "unknown";
        string name = string.Create(CultureInfo.InvariantCulture, $"{Field("model name")} family {Field("cpu family")} model {Field("model\t")}");
        return string.Join('-', name.Split([' ', '/', '@', '(', ')'], StringSplitOptions.RemoveEmptyEntries));
    }
}

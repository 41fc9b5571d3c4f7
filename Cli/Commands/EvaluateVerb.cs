using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Evaluate;
using FaceSearch.Cli.Terminal;
using FaceSearch.Evaluation;
using FaceSearch.Vision;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch evaluate</c>: pairs (1:1), identify (1:N, closed set), strangers (1:N, open set).</summary>
internal static class EvaluateVerb
{
    private const double UsualFpir = 0.01;

    public static Command Build(GlobalOptions options) => new("evaluate", "Measure accuracy on labelled pictures, through a running server or (--local) in this process.")
    {
        Pairs(options), Identify(options), Strangers(options),
    };

    private static Command Pairs(GlobalOptions options)
    {
        Argument<string> folder = Faces();
        Argument<string> protocol = new("pairs.txt") { Description = "LFW's pairs file." };
        Where where = new();
        Option<string?> csv = new("--csv") { Description = "Write accuracy and threshold of each fold.", HelpName = "file.csv" };
        return where.AddTo(new Command("pairs", "1:1: LFW's ten folds. Pairs that name an absent picture are left out, and counted.") { folder, protocol, csv }, withGallery: false).WithExamples(
            "facesearch evaluate pairs lfw/ pairs.txt",
            "facesearch evaluate pairs lfw/ pairs.txt --local --models models/").Runs(options, async (run, cancellation) =>
        {
            PeopleFolder faces = Scan(run.Parse.GetRequiredValue(folder));
            IReadOnlyList<LfwPair> pairs = ReadPairs(run.Parse.GetRequiredValue(protocol));
            PairsReport report;
            if (where.IsLocal(run))
            {
                using LocalEmbedder embedder = where.Embedder(run);
                report = await PairsEvaluation.RunLocalAsync(embedder, pairs, faces, run.Output, cancellation);
            }
            else
            {
                report = await PairsEvaluation.RunHttpAsync(run.Client, pairs, faces, where.Parallel(run), run.Output, cancellation);
            }
            if (run.Parse.GetValue(csv) is { } file)
            {
                Write(file, writer => MetricsCsv.WriteFolds(writer, new(report.FoldAccuracies, report.FoldThresholds, report.Accuracy, report.StandardError, report.PairsUsed, report.PairsLeftOut)));
                report = report with { Csv = Path.GetFullPath(file) };
            }
            run.Output.Result(report, Draw);
            return ExitCodes.Ok;
        });
    }

    private static Command Identify(GlobalOptions options)
    {
        Argument<string> folder = Faces();
        Where where = new();
        Option<string?> det = new("--det") { Description = "Draw the DET curve (FNIR over FPIR).", HelpName = "file.png" };
        Option<string?> csv = new("--csv") { Description = "Write the DET curve: threshold, fpir, fnir, tpir.", HelpName = "file.csv" };
        return where.AddTo(new Command("identify", "1:N, closed set: gallery = each person's first picture, probes = the others. Rank-k, TPIR at FPIR.") { folder, det, csv }, withGallery: true).WithExamples(
            "facesearch evaluate identify lfw/ --det det.png --csv det.csv",
            "facesearch evaluate identify lfw/ --local --json").Runs(options, async (run, cancellation) =>
        {
            PeopleFolder faces = Scan(run.Parse.GetRequiredValue(folder));
            IdentificationReport report;
            IdentificationMetrics metrics;
            await using (ISearchTarget target = await where.TargetAsync(run, UsualFpir, cancellation))
                (report, metrics) = await IdentificationEvaluation.RunAsync(target, faces, run.Output, cancellation);
            IReadOnlyList<IdentificationPoint> curve = metrics.DetCurve();
            if (run.Parse.GetValue(det) is { } png)
            {
                DetPlot.Save(png, curve, string.Create(CultureInfo.InvariantCulture, $"{report.Model}: {report.People} people, {report.Probes} probes ({report.Mode})"));
                report = report with { Det = Path.GetFullPath(png) };
            }
            if (run.Parse.GetValue(csv) is { } file)
            {
                Write(file, writer => MetricsCsv.WriteIdentification(writer, curve));
                report = report with { Csv = Path.GetFullPath(file) };
            }
            run.Output.Result(report, Draw);
            return ExitCodes.Ok;
        });
    }

    private static Command Strangers(GlobalOptions options)
    {
        Argument<string> folder = Faces();
        Where where = new();
        Option<int[]> sizes = new("--sizes")
        {
            Description = "People in the gallery, step by step.",
            HelpName = "n n n",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [200, 1000, 2300],
        };
        Option<double> target = new("--target-fpir") { Description = "The gallery's target FPIR.", HelpName = "rate", DefaultValueFactory = _ => UsualFpir };
        return where.AddTo(new Command("strangers", "1:N, open set: half of the people are never enrolled. How many of them are answered 'match' as the gallery grows?") { folder, sizes, target }, withGallery: true).WithExamples(
            "facesearch evaluate strangers lfw/ --sizes 200 1000 2300",
            "# one template a picture, made by the server, then searched at every size: quicker",
            "facesearch evaluate strangers lfw/ --send templates").Runs(options, async (run, cancellation) =>
        {
            int[] wanted = run.Parse.GetRequiredValue(sizes);
            double fpir = run.Parse.GetValue(target);
            if (wanted.Length == 0 || wanted.Any(size => size < 2))
                throw new UsageException("--sizes takes gallery sizes of at least 2 people.");
            if (fpir is not (> 0 and <= 0.5))
                throw new UsageException($"--target-fpir must be over 0 and at most 0.5, got {fpir}.");
            PeopleFolder faces = Scan(run.Parse.GetRequiredValue(folder));
            await using ISearchTarget searched = await where.TargetAsync(run, fpir, cancellation);
            run.Output.Result(await StrangersEvaluation.RunAsync(searched, faces, wanted, fpir, run.Output, cancellation), Draw);
            return ExitCodes.Ok;
        });
    }

    private static Argument<string> Faces() => new("faces") { Description = "A folder with one sub-folder per person." };

    private static PeopleFolder Scan(string path)
    {
        PeopleFolder folder = PeopleFolder.Scan(path);
        return folder.Images.Count > 0 ? folder : throw new UsageException($"No picture lies in a sub-folder of '{path}'.");
    }

    private static IReadOnlyList<LfwPair> ReadPairs(string path)
    {
        using StreamReader reader = new(path);
        return LfwPairs.Parse(reader);
    }

    private static void Write(string file, Action<TextWriter> write)
    {
        using StreamWriter writer = new(file);
        write(writer);
    }

    private static void Draw(IAnsiConsole console, PairsReport report)
    {
        Table table = Tables.Create("pairs", $"{report.Model} ({report.Mode})");
        table.Row("accuracy", $"{Tables.Percent(report.Accuracy)} +- {Tables.Percent(report.StandardError)} (ten folds, standard error)");
        table.Row("TAR at FAR 1e-3", Tables.Percent(report.TarAtFar));
        table.Row("pairs used", $"{Tables.Count(report.PairsUsed)} ({Tables.Count(report.PairsLeftOut)} left out: a picture is absent or has no face)");
        console.Write(table);
    }

    private static void Draw(IAnsiConsole console, IdentificationReport report)
    {
        Table table = Tables.Create("1:N, closed set", $"{report.Model} ({report.Mode})");
        table.Row("people, probes", $"{Tables.Count(report.People)}, {Tables.Count(report.Probes)} ({report.Failures.Count} pictures without a template)");
        table.Row("rank-1, rank-5", $"{Tables.Percent(report.Rank1)}, {Tables.Percent(report.Rank5)}");
        foreach (TpirPoint point in report.TpirAtFpir)
            table.Row($"TPIR at FPIR {Tables.Percent(point.Fpir)}", $"{Tables.Percent(point.Tpir)} (score {Tables.Score(point.Threshold)})");
        table.Row("threshold in force", $"{Tables.Score(report.Threshold.Threshold)} ({report.Threshold.Source}, expected FPIR {Tables.Percent(report.Threshold.Fpir)})");
        DecisionCounts decisions = report.Decisions;
        table.Row("answers there", $"match {decisions.MatchRight} right, {decisions.MatchWrong} wrong; ambiguous {decisions.Ambiguous}; unknown {decisions.Unknown}");
        table.Row("enrolled, identified", $"{Tables.PerSecond(report.People / Math.Max(report.EnrolSeconds, 1e-3))}/s, {Tables.PerSecond(report.Probes / Math.Max(report.IdentifySeconds, 1e-3))}/s");
        if (report.Det is not null) table.Row("DET", report.Det);
        if (report.Csv is not null) table.Row("CSV", report.Csv);
        console.Write(table);
    }

    private static void Draw(IAnsiConsole console, StrangersReport report)
    {
        Table table = Tables.Create(">people", ">threshold", "from", ">strangers' probes", ">match", ">FPIR", "95 %", ">own probes", ">TPIR");
        foreach (StrangersStep step in report.Steps)
        {
            table.Row(
                Tables.Count(step.People), Tables.Score(step.Threshold.Threshold), step.Threshold.Source, Tables.Count(step.StrangerProbes),
                Tables.Count(step.StrangersMatched), Tables.Percent(step.Fpir), $"{Tables.Percent(step.FpirLower)} to {Tables.Percent(step.FpirUpper)}",
                Tables.Count(step.MatedProbes), Tables.Percent(step.Tpir));
        }
        console.WriteLine($"1:N, open set: {report.Model} ({report.Mode}), target FPIR {Tables.Percent(report.TargetFpir)}, {Tables.Count(report.Strangers)} strangers, {report.Failures.Count} pictures without a template");
        console.Write(table);
    }

    /// <summary>Where an evaluation runs: options shared by all three.</summary>
    private sealed class Where
    {
        private readonly Option<bool> local = new("--local") { Description = "In this process, offline, with the models of --models and exact search; no server." };
        private readonly Option<string?> models = new("--models") { Description = "With --local: folder of models (environment: FACESEARCH_MODELS).", HelpName = "folder" };
        private readonly Option<string> send = CommonOptions.Word<Sent>(
            "--send", "What goes to the server for each search: the picture, or the template the server made of it.", Sent.Images);
        private readonly Option<string?> gallery = new("--gallery", "-g") { Description = "Name of the gallery made for the evaluation (default: a new one).", HelpName = "id" };
        private readonly Option<bool> keep = new("--keep") { Description = "Keep that gallery afterwards." };
        private readonly Option<int> parallel = CommonOptions.Parallel();

        /// <summary>Adds the options; those about a gallery only where there is one.</summary>
        public Command AddTo(Command command, bool withGallery)
        {
            foreach (Option option in withGallery ? (Option[])[local, models, send, gallery, keep, parallel] : [local, models, parallel])
                command.Add(option);
            return command;
        }

        public bool IsLocal(Invocation run) => run.Parse.GetValue(local);

        public int Parallel(Invocation run) => run.Parse.GetValue(parallel);

        public LocalEmbedder Embedder(Invocation run) => new(new ModelStore(ModelsVerb.Folder(run.Host, run.Parse.GetValue(models))));

        public async Task<ISearchTarget> TargetAsync(Invocation run, double targetFpir, CancellationToken cancellation)
        {
            if (IsLocal(run))
                return new LocalTarget(Embedder(run), targetFpir);
            string name = run.Parse.GetValue(gallery) is { } named ? CommonOptions.CheckGallery(named) : $"evaluation-{Guid.NewGuid():n}"[..24];
            return await ServerTarget.CreateAsync(run.Client, name, targetFpir, run.Parse.WordOf<Sent>(send), run.Parse.GetValue(keep), Parallel(run), cancellation);
        }
    }
}

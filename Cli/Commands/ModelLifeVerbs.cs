using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using FaceSearch.Vision;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary>The verbs of <c>facesearch models</c> that concern a server's registry: show, compare, upload, shadow, promote, rollback, retire.</summary>
internal static class ModelLifeVerbs
{
    public static IEnumerable<Command> Build(GlobalOptions options) =>
        [Show(options), Compare(options), Upload(options), Shadow(options), Promote(options), RollBack(options), Retire(options)];

    private static Command Show(GlobalOptions options)
    {
        Argument<string?> name = new("name") { Description = "Model name; without it all models of the server.", Arity = ArgumentArity.ZeroOrOne };
        return new Command("show", "The models of the server named by --server; with a name its lineage, figures, shadow and history.") { name }
            .WithExamples("facesearch models show --server http://127.0.0.1:8080", "facesearch models show mobilefacenet-128").Runs(options, async (run, cancellation) =>
            {
                if (run.Parse.GetValue(name) is { } one)
                    run.Output.Result(await run.Client.GetModelAsync(one, cancellation), DrawDetail);
                else
                    run.Output.Result(await run.Client.ListModelsAsync(cancellation), DrawList);
                return ExitCodes.Ok;
            });
    }

    private static Command Compare(GlobalOptions options)
    {
        Argument<string> a = new("a") { Description = "A model." }, b = new("b") { Description = "Another." };
        return new Command("compare", "Two models side by side, with the figures of one against the other on the same people.") { a, b }
            .WithExamples("facesearch models compare mobilefacenet-128 mobilefacenet-128-run-20260504-0001").Runs(options, async (run, cancellation) =>
            {
                ModelPair pair = await run.Client.CompareModelsAsync(run.Parse.GetRequiredValue(a), run.Parse.GetRequiredValue(b), cancellation);
                run.Output.Result(pair, DrawPair);
                return ExitCodes.Ok;
            });
    }

    private static Command Upload(GlobalOptions options)
    {
        Argument<string> file = new("file") { Description = "An ONNX file." };
        Option<string> manifest = new("--manifest") { Description = "Its manifest, JSON; see docs/cli.md.", HelpName = "file.json", Required = true };
        Option<string?> gallery = new("--gallery") { Description = "The one gallery that it is for.", HelpName = "gallery" };
        return new Command("upload", "Give a server a model; it becomes a candidate, without a restart.") { file, manifest, gallery }
            .WithExamples("facesearch models upload arcface.onnx --manifest arcface.json").Runs(options, async (run, cancellation) =>
            {
                string path = run.Parse.GetRequiredValue(file);
                if (!File.Exists(path))
                    throw new UsageException($"There is no file '{path}'.");
                string described = run.Parse.GetRequiredValue(manifest);
                _ = ModelManifest.Load(described);
                ModelDescription model = await run.Client.UploadModelAsync(path, await File.ReadAllBytesAsync(described, cancellation), run.Parse.GetValue(gallery), cancellation);
                run.Output.Result(model, (console, m) => console.WriteLine($"{m.Name} is {Word(m.Status)}."));
                return ExitCodes.Ok;
            });
    }

    private static Command Shadow(GlobalOptions options) => Status(
        options, "shadow", "Let a candidate look at a sample of live probes beside the active model; it answers nobody. 'models show' tells how far they agree.", ModelStatus.Shadow);

    private static Command Retire(GlobalOptions options) => Status(options, "retire", "Give a candidate up; its file and history stay.", ModelStatus.Retired);

    private static Command Status(GlobalOptions options, string verb, string description, ModelStatus status)
    {
        Argument<string> name = new("name") { Description = "Model name." };
        return new Command(verb, description) { name }.WithExamples($"facesearch models {verb} mobilefacenet-128-run-20260504-0001").Runs(options, async (run, cancellation) =>
        {
            ModelDescription model = await run.Client.SetModelStatusAsync(run.Parse.GetRequiredValue(name), status, cancellation);
            run.Output.Result(model, (console, m) => console.WriteLine($"{m.Name} is {Word(m.Status)}."));
            return ExitCodes.Ok;
        });
    }

    private static Command Promote(GlobalOptions options)
    {
        Argument<string> name = new("name") { Description = "Model name." };
        Option<string?> force = new("--force") { Description = "Promote whatever the evidence says, for this reason, which is recorded.", HelpName = "reason" };
        Option<int?> least = new("--least-people") { Description = "Fewest people outside the training set that the comparison must rest on (default 20).", HelpName = "n" };
        return new Command("promote", "Make a model the active one if its comparison proves it better and nowhere worse; galleries then move to it while they answer. Exit code 1 if refused.") { name, force, least }
            .WithExamples(
                "facesearch models promote mobilefacenet-128-run-20260504-0001",
                "facesearch models promote my-embedder --force \"the licence of the old one ran out\"").Runs(options, async (run, cancellation) =>
            {
                PromotionRequest request = new() { Force = run.Parse.GetValue(force), LeastPeople = run.Parse.GetValue(least) };
                PromotionOutcome outcome = await run.Client.PromoteModelAsync(run.Parse.GetRequiredValue(name), request, cancellation);
                run.Output.Result(outcome, DrawOutcome);
                return outcome.Promoted ? ExitCodes.Ok : ExitCodes.Failed;
            });
    }

    private static Command RollBack(GlobalOptions options)
    {
        Option<string> reason = new("--reason") { Description = "Why; it is recorded.", HelpName = "text", Required = true };
        Option<string?> gallery = new("--gallery") { Description = "Of the models trained for this gallery alone.", HelpName = "gallery" };
        return new Command("rollback", "Make the model active again that was active before; galleries that keep its generation go back at once.") { reason, gallery }
            .WithExamples("facesearch models rollback --reason \"more strangers let in since Monday\"").Runs(options, async (run, cancellation) =>
            {
                PromotionOutcome outcome = await run.Client.RollBackModelAsync(new RollbackRequest { Reason = run.Parse.GetRequiredValue(reason), Gallery = run.Parse.GetValue(gallery) }, cancellation);
                run.Output.Result(outcome, DrawOutcome);
                return ExitCodes.Ok;
            });
    }

    private static void DrawList(IAnsiConsole console, ModelList list)
    {
        Table table = Tables.Create("name", "kind", "status", "for", "licence", "sha-256", "registered");
        foreach (ModelDescription model in list.Items)
            table.Row(model.Name, model.Kind, Word(model.Status), model.Gallery ?? "all", model.Licence, model.Sha256[..Math.Min(12, model.Sha256.Length)], Tables.Time(model.RegisteredAt));
        console.Write(table);
        console.WriteLine(list.Detector is { } detector ? $"Detector in use: {detector}" : "No detector is installed: pictures are taken as face thumbnails.");
    }

    private static void DrawDetail(IAnsiConsole console, ModelDetail detail)
    {
        ModelDescription m = detail.Model;
        console.WriteLine($"{m.Name}: {Word(m.Status)} {m.Kind}{(m.Gallery is null ? "" : $" of gallery '{m.Gallery}'")}, {m.Licence}, from {m.Source}, SHA-256 {m.Sha256}");
        if (m.Lineage is { } from)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"Made by {from.Mode} training from {from.Parent ?? "nothing"} on {from.Images} images of {from.Identities} people (data {from.DataFingerprint[..Math.Min(12, from.DataFingerprint.Length)]}, seed {from.Seed}, code {from.CodeVersion}) at {Tables.Time(from.TrainedAt)}."));
        }
        if (m.Evaluation is { } evaluation)
            DrawEvaluation(console, evaluation);
        if (detail.Shadow is { } shadow)
            DrawShadow(console, shadow);
        Table history = Tables.Create("at", "from", "to", "by", "why");
        foreach (ModelStep step in detail.History)
            history.Row(Tables.Time(step.At), step.From is { } before ? Word(before) : null, Word(step.To), step.By, step.Reason);
        console.Write(history);
    }

    private static void DrawPair(IAnsiConsole console, ModelPair pair)
    {
        Table table = Tables.Create("fact", pair.A.Name, pair.B.Name);
        table.Row("status", Word(pair.A.Status), Word(pair.B.Status));
        table.Row("licence", pair.A.Licence, pair.B.Licence);
        table.Row("parent", pair.A.Lineage?.Parent, pair.B.Lineage?.Parent);
        table.Row("trained on", People(pair.A), People(pair.B));
        table.Row("sha-256", pair.A.Sha256[..12], pair.B.Sha256[..12]);
        console.Write(table);
        if (pair.Evaluation is { } evaluation)
            DrawEvaluation(console, evaluation);
        else
            console.WriteLine("They were never compared on the same people.");
        if (pair.Shadow is { } shadow)
            DrawShadow(console, shadow);
    }

    private static void DrawEvaluation(IAnsiConsole console, ModelEvaluation e)
    {
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Against '{e.Active}' on {e.People} people with two images or more, {e.Images} images ({e.Data}), {Tables.Time(e.At)}:"));
        Table table = Tables.Create("figure", "of", ">people", $">{e.Active}", ">candidate", ">difference", "interval, points");
        foreach (ModelComparison c in e.Comparisons)
        {
            table.Row(
                Name(c.Metric), c.Cohort ?? "everybody", Tables.Count(c.People), Tables.Percent(c.Active), Tables.Percent(c.Candidate), Points(c.Candidate - c.Active),
                $"{Points(c.Lower)} to {Points(c.Upper)}");
        }
        console.Write(table);
        if (e.Unjudged.Count > 0)
            console.WriteLine($"Too few people to judge: {string.Join(", ", e.Unjudged)}.");
    }

    private static void DrawShadow(IAnsiConsole console, ShadowReport s) => console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"In shadow of '{s.Active}' since {Tables.Time(s.Since)}: {s.Probes} live probes ({s.Failed} failed), {s.Pairs} pairs of them: both say one person {s.BothSame}, only the active one {s.OnlyActive}, only the shadow {s.OnlyShadow}; "
        + $"correlation of scores {(s.Correlation is { } c ? Tables.Score(c) : "unknown")}, {s.MeanMilliseconds ?? 0:F0} ms a face."));

    private static void DrawOutcome(IAnsiConsole console, PromotionOutcome outcome)
    {
        console.WriteLine(outcome.Promoted ? $"{outcome.Model.Name} is {Word(outcome.Model.Status)}; before it was {outcome.Previous}." : $"{outcome.Model.Name} was not promoted.");
        foreach (string reason in outcome.Reasons)
            console.WriteLine($"  {reason}");
    }

    private static string? People(ModelDescription model) => model.Lineage is { } l ? $"{l.Images} images of {l.Identities} people" : null;

    private static string Word(ModelStatus status) => status.ToString().ToLowerInvariant();

    private static string Points(double share) => (share * 100).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);

    private static string Name(ModelMetric metric) => metric switch
    {
        ModelMetric.TarAtFar1E3 => "TAR@FAR 1e-3",
        ModelMetric.Rank1 => "rank-1",
        ModelMetric.TpirAtFpir1 => "TPIR@FPIR 1 %",
        _ => "strangers rejected",
    };
}

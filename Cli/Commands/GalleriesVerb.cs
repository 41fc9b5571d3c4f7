using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch galleries</c>: list, create, describe, change, calibrate, cluster, reembed, delete.</summary>
internal static class GalleriesVerb
{
    public static Command Build(GlobalOptions options) => new Command("galleries", "List, create, describe, change, calibrate, cluster, re-embed and delete galleries.")
    {
        List(options), Create(options), Describe(options), Change(options), Calibrate(options), GalleryClusterVerb.Build(options), GalleryReembedVerb.Build(options), Delete(options),
    };

    private static Command List(GlobalOptions options) => new Command("list", "All galleries with their size and threshold.")
        .WithExamples("facesearch galleries list").Runs(options, async (run, cancellation) =>
        {
            GalleryList galleries = new(await run.Client.ListGalleriesAsync(cancellation));
            run.Output.Result(galleries, (console, list) =>
            {
                if (list.Items.Count == 0)
                {
                    console.WriteLine("There is no gallery yet. Make one with: facesearch enrol <folder>");
                    return;
                }
                Table table = Tables.Create("gallery", ">identities", ">templates", "model", ">threshold", ">FPIR", "from", "created");
                foreach (GalleryDescription g in list.Items)
                    table.Row(g.Id, Tables.Count(g.Identities), Tables.Count(g.Templates), g.Model, Tables.Score(g.Threshold.Threshold), Tables.Percent(g.Threshold.Fpir), g.Threshold.Source, Tables.Time(g.CreatedAt));
                console.Write(table);
            });
            return ExitCodes.Ok;
        });

    private static Command Create(GlobalOptions options)
    {
        Argument<string> id = Id();
        Option<string?> model = new("--model") { Description = "Embedder; 'external' for callers that bring their own embeddings. It changes by 'galleries reembed' only.", HelpName = "name" };
        Option<Retention?> retention = new("--retention") { Description = "Images of enrolled faces to keep, encrypted: none, crop or original. Without images a gallery cannot be re-embedded (but to a compatible model) nor be a source of training.", HelpName = "kind" };
        Changes changes = new();
        return changes.AddTo(new Command("create", "Create a gallery.") { id, model, retention }).WithExamples(
            "facesearch galleries create staff",
            "facesearch galleries create staff --retention crop",
            "facesearch galleries create guests --target-fpir 0.001 --description \"Visitors of 2026\"").Runs(options, async (run, cancellation) =>
        {
            GalleryRequest request = changes.Read(run.Parse) with { Model = run.Parse.GetValue(model), Retention = run.Parse.GetValue(retention) };
            run.Output.Result(await run.Client.CreateGalleryAsync(CommonOptions.CheckGallery(run.Parse.GetRequiredValue(id)), request, cancellation), Draw);
            return ExitCodes.Ok;
        });
    }

    private static Command Describe(GlobalOptions options)
    {
        Argument<string> id = Id();
        return new Command("describe", "One gallery: settings, threshold in force, shards.") { id }
            .WithExamples("facesearch galleries describe people").Runs(options, async (run, cancellation) =>
            {
                run.Output.Result(await run.Client.GetGalleryAsync(CommonOptions.CheckGallery(run.Parse.GetRequiredValue(id)), cancellation), Draw);
                return ExitCodes.Ok;
            });
    }

    private static Command Change(GlobalOptions options)
    {
        Argument<string> id = Id();
        Changes changes = new();
        return changes.AddTo(new Command("change", "Change a gallery's threshold, margin or description; what is not named stays.") { id })
            .WithExamples("facesearch galleries change people --target-fpir 0.001").Runs(options, async (run, cancellation) =>
            {
                GalleryRequest request = changes.Read(run.Parse);
                if (request == new GalleryRequest())
                    throw new UsageException("Nothing to change.", "See: facesearch galleries change --help");
                run.Output.Result(await run.Client.UpdateGalleryAsync(CommonOptions.CheckGallery(run.Parse.GetRequiredValue(id)), request, cancellation), Draw);
                return ExitCodes.Ok;
            });
    }

    private static Command Calibrate(GlobalOptions options)
    {
        Argument<string> id = Id();
        return new Command("calibrate", "Calibrate the threshold on the gallery's impostor scores now, not when the schedule says.") { id }
            .WithExamples("facesearch galleries calibrate people").Runs(options, async (run, cancellation) =>
            {
                ThresholdInForce threshold = await run.Client.CalibrateAsync(CommonOptions.CheckGallery(run.Parse.GetRequiredValue(id)), cancellation);
                run.Output.Result(threshold, (console, value) => console.WriteLine(Describe(value)));
                return ExitCodes.Ok;
            });
    }

    private static Command Delete(GlobalOptions options)
    {
        Argument<string> id = Id();
        Option<bool> yes = CommonOptions.Yes();
        return new Command("delete", "Erase a gallery with every identity, template and snapshot in it.") { id, yes }
            .WithExamples("facesearch galleries delete guests --yes").Runs(options, async (run, cancellation) =>
            {
                string gallery = CommonOptions.CheckGallery(run.Parse.GetRequiredValue(id));
                if (!run.Output.Confirm($"Erase gallery '{gallery}' and everybody in it?", run.Parse.GetValue(yes)))
                {
                    run.Output.Note("Nothing was erased.");
                    return ExitCodes.Failed;
                }
                await run.Client.DeleteGalleryAsync(gallery, cancellation);
                run.Output.Result(new { gallery, deleted = true }, (console, _) => console.WriteLine($"Gallery '{gallery}' is gone."));
                return ExitCodes.Ok;
            });
    }

    private static Argument<string> Id() => new("gallery") { Description = "Gallery id." };

    private static string Describe(ThresholdInForce threshold) => string.Create(
        CultureInfo.InvariantCulture,
        $"score {threshold.Threshold:F3}, FMR {Tables.Rate(threshold.Fmr)}, expected FPIR {Tables.Percent(threshold.Fpir)} ({threshold.Source}, {threshold.Samples} samples, {threshold.CalibratedIdentities} identities then)");

    private static void Draw(IAnsiConsole console, GalleryDescription gallery)
    {
        Table facts = Tables.Create("gallery", gallery.Id);
        if (gallery.Settings.Description is { } description)
            facts.Row("description", description);
        facts.Row("identities", Tables.Count(gallery.Identities));
        facts.Row("templates", Tables.Count(gallery.Templates));
        facts.Row("model", string.Create(CultureInfo.InvariantCulture, $"{gallery.Model}, generation {gallery.Generation}"));
        facts.Row("policy", gallery.Settings.Threshold.Score is { } score ? $"fixed score {Tables.Score(score)}" : $"target FPIR {Tables.Percent(gallery.Settings.Threshold.TargetFpir ?? 0)}");
        facts.Row("threshold", Describe(gallery.Threshold));
        facts.Row("margin", Tables.Score(gallery.Settings.Margin));
        facts.Row("retention", gallery.Settings.Retention.ToString().ToLowerInvariant());
        facts.Row("created", Tables.Time(gallery.CreatedAt));
        console.Write(facts);
        if (gallery.Shards.Count == 0) return;
        Table shards = Tables.Create(">shard", "state", ">identities", ">templates", "engine", ">log at", ">snapshot at", "notice");
        foreach (ShardStatus shard in gallery.Shards)
        {
            shards.Row(
                shard.Shard.ToString(CultureInfo.InvariantCulture), shard.State, Tables.Count(shard.Identities), Tables.Count(shard.Templates),
                shard.Engine, Tables.Count(shard.Lsn), Tables.Count(shard.SnapshotLsn), shard.Notice);
        }
        console.Write(shards);
    }

    /// <summary>What can be chosen at creation and changed later.</summary>
    private sealed class Changes
    {
        private readonly Option<string?> description = new("--description") { Description = "Free text for people.", HelpName = "text" };
        private readonly Option<double?> targetFpir = CommonOptions.TargetFpir();
        private readonly Option<float?> score = CommonOptions.Score();
        private readonly Option<float?> margin = CommonOptions.Margin();
        private readonly Option<float?> nearDuplicate = new("--near-duplicate") { Description = "Score from which two templates of one person are near-duplicates.", HelpName = "score" };
        private readonly Option<int?> replicas = new("--replicas") { Description = "Read replicas of each shard, 0 to 3.", HelpName = "n" };

        public Command AddTo(Command command)
        {
            foreach (Option option in (Option[])[description, targetFpir, score, margin, nearDuplicate, replicas])
                command.Add(option);
            return command;
        }

        public GalleryRequest Read(ParseResult parse) => new()
        {
            Description = parse.GetValue(description),
            Threshold = CommonOptions.Threshold(parse.GetValue(targetFpir), parse.GetValue(score)),
            Margin = parse.GetValue(margin),
            NearDuplicateScore = parse.GetValue(nearDuplicate),
            Replicas = parse.GetValue(replicas),
        };
    }
}

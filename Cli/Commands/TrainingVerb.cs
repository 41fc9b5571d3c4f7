using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch training</c>: start, list, show, cancel; schedule, schedules, unschedule.</summary>
internal static class TrainingVerb
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    /// <summary>What a plan is made of on the command line.</summary>
    private sealed class PlanOptions
    {
        public Option<string?> Gallery { get; } = new("--gallery") { Description = "Learn from the retained images of this gallery.", HelpName = "gallery" };

        public Option<string?> Family { get; } = new("--family") { Description = "Learn from every gallery that uses this model or one made from it.", HelpName = "model" };

        public Option<string?> Folder { get; } = new("--folder") { Description = "Learn from a folder on the worker's disk, one sub-folder a person.", HelpName = "path" };

        public Option<string> Mode { get; } = CommonOptions.Word<TrainingKind>("--mode", "How to train; 'head' takes minutes on a CPU.", TrainingKind.Head);

        public Option<string?> Base { get; } = new("--base") { Description = "Model to begin from (default: the one in use, without its head).", HelpName = "model" };

        public Option<string[]> Set { get; } = CommonOptions.Pairs("--set", "Further options of 'trainingjob train', by name without dashes.");

        public Option<int> Seed { get; } = new("--seed") { Description = "Of every random choice.", HelpName = "n", DefaultValueFactory = _ => 1 };

        public Option<bool> Keep { get; } = new("--no-promote") { Description = "Leave the result a candidate." };

        public Option<int?> Least { get; } = new("--least-people") { Description = "Fewest people outside the training set that a promotion may rest on (default 20).", HelpName = "n" };

        public Option[] All => [Gallery, Family, Folder, Mode, Base, Set, Seed, Keep, Least];

        public TrainingRequest Of(ParseResult parse) => new(
            parse.GetValue(Gallery), parse.GetValue(Family), parse.GetValue(Folder), parse.WordOf<TrainingKind>(Mode), parse.GetValue(Base),
            CommonOptions.Metadata("--set", parse.GetValue(Set)), parse.GetValue(Seed), !parse.GetValue(Keep), parse.GetValue(Least) ?? PromotionWish.DefaultLeastPeople);
    }

    public static Command Build(GlobalOptions options) => new("training", "Train models on a server's own faces: now or on a schedule. The work is done by 'trainingjob work'.")
    {
        Start(options), List(options), Show(options), Cancel(options), Schedule(options), Schedules(options), Unschedule(options),
    };

    private static Command Start(GlobalOptions options)
    {
        PlanOptions plan = new();
        Option<bool> detach = new("--detach") { Description = "Return at once; 'training show' follows the run." };
        Command command = new("start", "Train now. Exit code 1 if no model came of it.") { detach };
        foreach (Option option in plan.All)
            command.Add(option);
        return command.WithExamples(
            "facesearch training start --gallery people",
            "facesearch training start --gallery people --set epochs=40 learning-rate=0.0005 --detach").Runs(options, async (run, cancellation) =>
        {
            TrainingRun started = await run.Client.StartTrainingAsync(plan.Of(run.Parse), $"train-{Guid.NewGuid():n}", cancellation);
            if (run.Parse.GetValue(detach))
                run.Output.Result(started, Draw);
            return run.Parse.GetValue(detach) ? ExitCodes.Ok : await FollowAsync(run, started, cancellation);
        });
    }

    private static Command List(GlobalOptions options) => new Command("list", "Training runs, newest first.")
        .WithExamples("facesearch training list").Runs(options, async (run, cancellation) =>
        {
            run.Output.Result(await run.Client.ListTrainingAsync(cancellation), (console, list) =>
            {
                Table table = Tables.Create("run", "of", "state", "progress", "model", "outcome");
                foreach (TrainingRun r in list.Items)
                    table.Row(r.Id, Source(r.Plan), Word(r.State), r.FinishedAt is null ? Progress(r.Progress) : null, r.Model, r.Outcome);
                console.Write(table);
            });
            return ExitCodes.Ok;
        });

    private static Command Show(GlobalOptions options)
    {
        Argument<string> id = new("run") { Description = "Run id, see 'training list'." };
        Option<bool> follow = new("--follow") { Description = "Stay until it has ended." };
        return new Command("show", "One training run: phase, loss, time left; or how it ended and why.") { id, follow }
            .WithExamples("facesearch training show run-20260504-0001 --follow").Runs(options, async (run, cancellation) =>
            {
                TrainingRun found = await run.Client.GetTrainingAsync(run.Parse.GetRequiredValue(id), cancellation);
                if (run.Parse.GetValue(follow))
                    return await FollowAsync(run, found, cancellation);
                run.Output.Result(found, Draw);
                return ExitCodes.Ok;
            });
    }

    private static Command Cancel(GlobalOptions options)
    {
        Argument<string> id = new("run") { Description = "Run id, see 'training list'." };
        return new Command("cancel", "Cancel a training run; its worker stops within seconds.") { id }
            .WithExamples("facesearch training cancel run-20260504-0001").Runs(options, async (run, cancellation) =>
            {
                run.Output.Result(await run.Client.CancelTrainingAsync(run.Parse.GetRequiredValue(id), cancellation), Draw);
                return ExitCodes.Ok;
            });
    }

    private static Command Schedule(GlobalOptions options)
    {
        PlanOptions plan = new();
        Argument<string> cron = new("cron") { Description = "When: five cron fields in quotes, such as \"0 3 * * 1\"." };
        Option<string?> zone = new("--time-zone") { Description = "IANA name (default UTC).", HelpName = "zone" };
        Option<int?> identities = new("--least-new-identities") { Description = "Skip unless so many people came since the last run (default 20) …", HelpName = "n" };
        Option<int?> templates = new("--least-new-templates") { Description = "… or so many templates (default 200).", HelpName = "n" };
        Option<bool> off = new("--off") { Description = "Keep the schedule without running it." };
        Option<string?> name = new("--name") { Description = "Its name (default: the gallery or family).", HelpName = "name" };
        Command command = new("schedule", "Train by itself from now on: a gallery, or a family of models.") { cron, zone, identities, templates, off, name };
        foreach (Option option in plan.All)
            command.Add(option);
        return command.WithExamples("facesearch training schedule \"0 3 * * 1\" --gallery people --time-zone Europe/Paris").Runs(options, async (run, cancellation) =>
        {
            TrainingRequest made = plan.Of(run.Parse);
            string named = run.Parse.GetValue(name) ?? made.Gallery ?? made.Family ?? throw new UsageException("A schedule of a folder needs a --name.");
            ScheduleStatus status = await run.Client.SetScheduleAsync(named, new ScheduleRequest
            {
                Cron = run.Parse.GetRequiredValue(cron),
                TimeZone = run.Parse.GetValue(zone),
                Plan = made,
                LeastNewIdentities = run.Parse.GetValue(identities),
                LeastNewTemplates = run.Parse.GetValue(templates),
                Enabled = !run.Parse.GetValue(off),
            }, cancellation);
            run.Output.Result(status, (console, s) => console.WriteLine($"'{s.Schedule.Name}' {(s.Next is { } next ? $"is due next at {Tables.Time(next)}" : "is not due")}."));
            return ExitCodes.Ok;
        });
    }

    private static Command Schedules(GlobalOptions options) => new Command("schedules", "Schedules: when each is due, and what became of its last due times.")
        .WithExamples("facesearch training schedules").Runs(options, async (run, cancellation) =>
        {
            run.Output.Result(await run.Client.ListSchedulesAsync(cancellation), (console, list) =>
            {
                Table table = Tables.Create("name", "cron", "zone", "next", "last", "outcome");
                foreach (ScheduleStatus s in list.Items)
                {
                    ScheduleEntry? last = s.Recent.Count > 0 ? s.Recent[0] : null;
                    table.Row(s.Schedule.Name, s.Schedule.Cron, s.Schedule.TimeZone ?? "UTC", s.Next is { } next ? Tables.Time(next) : "off", last is null ? null : Tables.Time(last.Due), last?.Run ?? last?.Skipped);
                }
                console.Write(table);
            });
            return ExitCodes.Ok;
        });

    private static Command Unschedule(GlobalOptions options)
    {
        Argument<string> name = new("name") { Description = "Schedule, see 'training schedules'." };
        return new Command("unschedule", "Remove a schedule; its runs stay.") { name }.WithExamples("facesearch training unschedule people").Runs(options, async (run, cancellation) =>
        {
            string schedule = run.Parse.GetRequiredValue(name);
            await run.Client.RemoveScheduleAsync(schedule, cancellation);
            run.Output.Result(new { name = schedule, removed = true }, (console, _) => console.WriteLine($"Schedule '{schedule}' is removed."));
            return ExitCodes.Ok;
        });
    }

    /// <summary>A line whenever something has changed, until the run has ended.</summary>
    private static async Task<int> FollowAsync(Invocation run, TrainingRun training, CancellationToken cancellation)
    {
        string? said = null;
        while (training.FinishedAt is null)
        {
            string now = $"{training.Id} {Word(training.State)} {Progress(training.Progress)}";
            if (now != said)
                run.Output.Note(now);
            said = now;
            await Task.Delay(Poll, cancellation);
            training = await run.Client.GetTrainingAsync(training.Id, cancellation);
        }
        run.Output.Result(training, Draw);
        return training.State == TrainingRunState.Completed ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static void Draw(IAnsiConsole console, TrainingRun run)
    {
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{run.Id}: {Word(run.State)}; {run.Plan.Mode} training of {Source(run.Plan)}, asked for by {run.RequestedBy} at {Tables.Time(run.RequestedAt)}"));
        if (run.Worker is { } worker)
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Worker {worker}, attempt {run.Attempts}{(run.FinishedAt is null ? $": {Progress(run.Progress)}" : "")}"));
        if (run.Model is { } model)
            console.WriteLine($"Model {model}{(run.Promoted ? ", promoted" : ", not promoted")}");
        if (run.Outcome is { } outcome)
            console.WriteLine(outcome);
    }

    private static string? Progress(TrainingRunProgress? p) => p is null ? null : string.Create(CultureInfo.InvariantCulture,
        $"{p.Phase}{(p.Total > 0 ? $" {100.0 * p.Done / p.Total:F0} %" : "")}{(p.Loss is { } loss ? $", loss {loss:F4}" : "")}{(p.Remaining is { } left ? $", {left:hh\\:mm\\:ss} left" : "")}");

    private static string Source(TrainingRequest plan) => plan.Gallery is { } gallery ? $"gallery '{gallery}'" : plan.Family is { } family ? $"family '{family}'" : $"folder '{plan.Folder}'";

    private static string Word(TrainingRunState state) => state.ToString().ToLowerInvariant();
}

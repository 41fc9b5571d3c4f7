using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch galleries reembed</c>: moves a gallery to another model while it keeps answering; follow, cancel, roll back, retire.</summary>
internal static class GalleryReembedVerb
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(300);

    public static Command Build(GlobalOptions options)
    {
        Argument<string> id = new("gallery") { Description = "Gallery id." };
        Option<string?> model = new("--model") { Description = "Embedder to move to; without it the running (or last) move is shown.", HelpName = "name" };
        Option<double?> missing = new("--max-missing") { Description = "Share of templates, 0 to 1, that may be missing afterwards (default 0.01).", HelpName = "share" };
        Option<double?> keep = new("--keep-hours") { Description = "Hours for which the old generation is kept for a rollback (default 168).", HelpName = "hours" };
        Option<bool> detach = new("--detach") { Description = "Start and return; the server does the work." };
        Option<bool> cancel = new("--cancel") { Description = "End the move before its switch." };
        Option<bool> rollback = new("--rollback") { Description = "Back to the old model, at once." };
        Option<bool> retire = new("--retire") { Description = "Erase the old generation now; there is no way back then." };
        return new Command("reembed", "Move a gallery to another model without a pause in its answers, and back.")
        {
            id, model, missing, keep, detach, cancel, rollback, retire,
        }.WithExamples(
            "facesearch galleries reembed staff --model faces-2026-11",
            "# Ctrl+C leaves the move running on the server; this follows it again",
            "facesearch galleries reembed staff",
            "facesearch galleries reembed staff --rollback").Runs(options, async (run, cancellation) =>
        {
            string gallery = CommonOptions.CheckGallery(run.Parse.GetRequiredValue(id));
            bool[] commands = [run.Parse.GetValue(cancel), run.Parse.GetValue(rollback), run.Parse.GetValue(retire), run.Parse.GetValue(model) is not null];
            if (commands.Count(c => c) > 1)
                throw new UsageException("Only one of --model, --cancel, --rollback and --retire.");
            ReembeddingStatus status = commands switch
            {
                [true, ..] => await run.Client.CancelReembeddingAsync(gallery, cancellation),
                [_, true, ..] => await run.Client.RollBackReembeddingAsync(gallery, cancellation),
                [_, _, true, _] => await run.Client.RetireReembeddingAsync(gallery, cancellation),
                [.., true] => await run.Client.StartReembeddingAsync(gallery, new ReembedRequest
                {
                    Model = run.Parse.GetValue(model),
                    MaxMissingShare = run.Parse.GetValue(missing),
                    KeepForHours = run.Parse.GetValue(keep),
                }, cancellation),
                _ => await run.Client.GetReembeddingAsync(gallery, cancellation),
            };
            if (!run.Parse.GetValue(detach))
                status = await FollowAsync(run, gallery, status, cancellation);
            run.Output.Result(status, Draw);
            return status.Phase == ReembeddingPhase.Refused ? ExitCodes.Failed : ExitCodes.Ok;
        });
    }

    /// <summary>A bar until the gallery has switched, or the move has ended.</summary>
    private static async Task<ReembeddingStatus> FollowAsync(Invocation run, string gallery, ReembeddingStatus status, CancellationToken cancellation)
    {
        while (status.Phase < ReembeddingPhase.Active)
        {
            ReembeddingPhase phase = status.Phase;
            int total = phase == ReembeddingPhase.Backfilling ? (int)Math.Min(status.Total, int.MaxValue) : 1;
            await run.Output.WithProgressAsync($"{phase} '{gallery}'", total, async progress =>
            {
                long shown = 0;
                while (status.Phase == phase)
                {
                    if (phase == ReembeddingPhase.Backfilling && status.Moved > shown)
                    {
                        progress.Report((int)(Math.Min(status.Moved, total) - shown));
                        shown = Math.Min(status.Moved, total);
                    }
                    await Task.Delay(Poll, cancellation);
                    status = await run.Client.GetReembeddingAsync(gallery, cancellation);
                }
                progress.Report((int)(total - shown));
            });
        }
        return status;
    }

    private static void Draw(IAnsiConsole console, ReembeddingStatus status)
    {
        Table facts = Tables.Create("re-embedding of", status.Gallery);
        facts.Row("phase", status.Phase.ToString());
        facts.Row("from", string.Create(CultureInfo.InvariantCulture, $"{status.OldModel}, generation {status.OldGeneration}"));
        facts.Row("to", string.Create(CultureInfo.InvariantCulture, $"{status.NewModel}, generation {status.NewGeneration}{(status.Compatible ? ", compatible" : "")}"));
        facts.Row("templates moved", $"{Tables.Count(status.Moved)} of {Tables.Count(status.Total)}");
        if (status.WithoutImage + status.Failed > 0)
            facts.Row("to enrol again", $"{Tables.Count(status.WithoutImage)} without an image, {Tables.Count(status.Failed)} not taken");
        if (status.Verification is { } proof)
        {
            facts.Row("self-match", Tables.Percent(proof.SelfMatch));
            facts.Row("agreement", $"{Tables.Percent(proof.Agreement)} of {proof.Sampled} sampled faces");
            facts.Row("threshold", $"{Tables.Score(proof.OldThreshold)} before, {Tables.Score(proof.NewThreshold)} now, FPIR {Tables.Percent(proof.Fpir)}");
        }
        if (status.RetireAt is { } retire)
            facts.Row("old one erased", Tables.Time(retire));
        if (status.Reason is { } reason)
            facts.Row("reason", reason);
        console.Write(facts);
    }
}

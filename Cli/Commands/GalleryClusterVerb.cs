using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary>A gallery's clustering: the job as it ended, and groups of it.</summary>
internal sealed record GalleryClusters(string Gallery, ClusterJob Job, IReadOnlyList<ClusterGroup> Groups, bool More);

/// <summary><c>facesearch galleries cluster</c>: who was enrolled twice, and who are the unnamed?</summary>
internal static class GalleryClusterVerb
{
    private const int MembersShown = 6, Page = 1000;

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(150);

    public static Command Build(GlobalOptions options)
    {
        Argument<string> id = new("gallery") { Description = "Gallery id." };
        Option<float?> threshold = ClusterOptionsOf.Threshold();
        Option<bool> all = new("--all") { Description = "Show every group of at least two templates, not only those of several identities." };
        Option<int> limit = new("--limit") { Description = "Most groups to show.", HelpName = "n", DefaultValueFactory = _ => 100 };
        return new Command("cluster", "Group everybody in a gallery by face: finds people who were enrolled twice, and gathers those enrolled without a name.")
        {
            id, threshold, all, limit,
        }.WithExamples(
            "# who was enrolled more than once?",
            "facesearch galleries cluster people",
            "# pictures that were enrolled without names: each group is a person",
            "facesearch galleries cluster visitors --all",
            "# surer duplicates only; a later run searches only what is new",
            "facesearch galleries cluster people --threshold 0.6 --json",
            "# Ctrl+C leaves the job running on the server; the same command follows it again").Runs(options, async (run, cancellation) =>
        {
            string gallery = CommonOptions.CheckGallery(run.Parse.GetRequiredValue(id));
            int most = run.Parse.GetValue(limit);
            if (most < 1)
                throw new UsageException($"--limit must be at least 1, got {most}.");
            ClusterRequest request = new() { Threshold = ClusterOptionsOf.Check(run.Parse.GetValue(threshold)) };
            ClusterJob job = await FollowAsync(run, gallery, await run.Client.StartClustersAsync(gallery, request, cancellation), cancellation);
            if (job.State != ClusterJobState.Done)
            {
                run.Output.Problem(new CliProblem("clustering-" + job.State.ToString().ToLowerInvariant(), job.Error ?? "The clustering was cancelled.", "Start it again with the same command.", ExitCodes.Failed));
                return ExitCodes.Failed;
            }
            run.Output.Result(await ReadAsync(run, gallery, job, most, !run.Parse.GetValue(all), cancellation), Draw);
            return ExitCodes.Ok;
        });
    }

    /// <summary>One progress bar a stage, until the job has ended.</summary>
    private static async Task<ClusterJob> FollowAsync(Invocation run, string gallery, ClusterJob job, CancellationToken cancellation)
    {
        while (job is { State: ClusterJobState.Running, Stage: { } stage })
        {
            int total = (int)Math.Min(job.Total, int.MaxValue);
            await run.Output.WithProgressAsync($"{stage} '{gallery}'", total, async progress =>
            {
                long shown = 0;
                while (job.State == ClusterJobState.Running && job.Stage == stage && job.Total == total)
                {
                    progress.Report((int)(job.Done - shown));
                    shown = job.Done;
                    await Task.Delay(Poll, cancellation);
                    job = await run.Client.GetClustersAsync(gallery, cancellation);
                }
                progress.Report((int)(total - shown));
            });
        }
        return job;
    }

    private static async Task<GalleryClusters> ReadAsync(Invocation run, string gallery, ClusterJob job, int most, bool onlyDuplicates, CancellationToken cancellation)
    {
        List<ClusterGroup> groups = [];
        string? next = null;
        do
        {
            ClusterGroupPage page = await run.Client.ListClusterGroupsAsync(gallery, next, Math.Min(Page, most - groups.Count), onlyDuplicates, cancellation);
            groups.AddRange(page.Items);
            next = page.Next;
        }
        while (next is not null && groups.Count < most);
        return new(gallery, job, groups, next is not null);
    }

    private static void Draw(IAnsiConsole console, GalleryClusters result)
    {
        if (result.Groups.Count > 0)
        {
            Table table = Tables.Create(">templates", ">identities", ">cohesion", "looks like one person");
            foreach (ClusterGroup group in result.Groups)
            {
                string names = string.Join(", ", group.Identities.Take(MembersShown));
                table.Row(
                    Tables.Count(group.Members.Count), Tables.Count(group.Identities.Count), Tables.Score(group.Cohesion),
                    group.Identities.Count > MembersShown ? $"{names} and {group.Identities.Count - MembersShown} more" : names);
            }
            console.Write(table);
            if (result.More)
                console.WriteLine("There are more; see them with a higher --limit.");
        }
        ClusterJob job = result.Job;
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Tables.Count(job.Templates)} templates of '{result.Gallery}' at threshold {Tables.Score(job.Threshold)}: {Tables.Count(job.Groups)} groups of two or more, "
            + $"{Tables.Count(job.SuspectedDuplicates)} of them of more than one identity, in {Tables.Seconds((job.FinishedAt!.Value - job.StartedAt).TotalSeconds)}."));
    }
}

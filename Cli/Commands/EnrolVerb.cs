using System.CommandLine;
using FaceSearch.Cli.Client;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch enrol</c>: a folder of people, or pictures of one person.</summary>
internal static class EnrolVerb
{
    private const int ReasonsShown = 20;

    public static Command Build(GlobalOptions options)
    {
        Argument<string[]> paths = new("folder") { Description = "A folder with one sub-folder per person; with --identity: pictures of that person.", Arity = ArgumentArity.OneOrMore };
        Option<string> gallery = options.Gallery();
        Option<string?> identity = new("--identity", "-i") { Description = "All pictures are of this one person.", HelpName = "id" };
        Option<string> faces = CommonOptions.Faces(FacePolicy.Reject, "Which face to enrol where a picture shows several.");
        Option<string> onConflict = CommonOptions.Word<ConflictPolicy>(
            "--on-conflict", "What to do about near-duplicates, and faces that look like somebody already enrolled.", ConflictPolicy.Report);
        Option<string[]> metadata = CommonOptions.Pairs("--metadata", "Metadata of everybody enrolled by this command; may be repeated.");
        Option<int> parallel = CommonOptions.Parallel();
        Option<string?> report = new("--report") { Description = "Write what was not enrolled, and why, as CSV.", HelpName = "file.csv" };
        Option<string?> attempt = new("--attempt") { Description = "Any text; makes every picture a new operation, to enrol again what has been erased.", HelpName = "text" };

        return new Command("enrol", "Enrol a folder of people; run it again at any time, only what is missing is added.")
        {
            paths, gallery, identity, faces, onConflict, metadata, parallel, report, attempt,
        }.WithExamples(
            "# photos/Ada Lovelace/1.jpg, photos/Alan Turing/a.png, ...",
            "facesearch enrol photos/",
            "# group pictures: take the face nearest to the middle; keep a list of what was refused",
            "facesearch enrol photos/ --faces central --report refused.csv",
            "# two more pictures of one person",
            "facesearch enrol new1.jpg new2.jpg --identity \"Ada Lovelace\"",
            "# exit code 5: done, but some pictures were not enrolled").Runs(options, async (run, cancellation) =>
        {
            ParseResult parse = run.Parse;
            EnrolmentSettings settings = new(
                CommonOptions.CheckGallery(parse.GetRequiredValue(gallery)),
                parse.WordOf<FacePolicy>(faces),
                parse.WordOf<ConflictPolicy>(onConflict),
                CommonOptions.Metadata("--metadata", parse.GetValue(metadata)),
                parse.GetValue(parallel),
                parse.GetValue(attempt));
            PeopleFolder folder = Collect(parse.GetRequiredValue(paths), parse.GetValue(identity));
            EnrolmentReport done = await EnrolAsync(run, folder, settings, cancellation);
            if (parse.GetValue(report) is { } file)
                await WriteAsync(done, file);
            run.Output.Result(done, Draw);
            return done.Conflicts + done.Rejected + done.Failed > 0 ? ExitCodes.Partial : ExitCodes.Ok;
        });
    }

    private static PeopleFolder Collect(string[] paths, string? identity)
    {
        if (identity is not null)
        {
            PeopleFolder one = PeopleFolder.OfOne(CommonOptions.CheckIdentity(identity), paths);
            return one.Images.Count > 0 ? one : throw new UsageException("There is no picture to enrol there.");
        }
        if (paths.Length > 1 || File.Exists(paths[0]))
            throw new UsageException("Without --identity, enrol takes one folder with one sub-folder per person.", "For pictures of one person add: --identity <id>");
        PeopleFolder folder = PeopleFolder.Scan(paths[0]);
        return folder.Images.Count > 0
            ? folder
            : throw new UsageException($"No picture lies in a sub-folder of '{paths[0]}'.", "Make one sub-folder per person and put that person's pictures into it.");
    }

    private static async Task<EnrolmentReport> EnrolAsync(Invocation run, PeopleFolder folder, EnrolmentSettings settings, CancellationToken cancellation)
    {
        if (await CreateGalleryIfMissingAsync(run.Client, settings.Gallery, cancellation))
            run.Output.Note($"Created gallery '{settings.Gallery}'.");
        EnrolmentReport? report = null;
        await run.Output.WithProgressAsync($"Enrolling into '{settings.Gallery}'", folder.Images.Count, async progress =>
            report = await new FolderEnroller(run.Client, settings).RunAsync(folder, progress, cancellation));
        return report!;
    }

    private static async Task<bool> CreateGalleryIfMissingAsync(FaceSearchClient client, string gallery, CancellationToken cancellation)
    {
        try
        {
            await client.GetGalleryAsync(gallery, cancellation);
            return false;
        }
        catch (ApiException missing) when (missing.Type == ProblemTypes.GalleryNotFound)
        {
            await client.CreateGalleryAsync(gallery, new GalleryRequest(), cancellation);
            return true;
        }
    }

    private static async Task WriteAsync(EnrolmentReport report, string file)
    {
        await using StreamWriter writer = new(file);
        report.WriteCsv(writer);
    }

    private static void Draw(IAnsiConsole console, EnrolmentReport report)
    {
        if (report.NotEnrolled.Count > 0)
        {
            Table table = Tables.Create("file", "status", "reason", "detail");
            foreach (ImageOutcome outcome in report.NotEnrolled.Take(ReasonsShown))
                table.Row(outcome.File, EnrolmentReport.Word(outcome.Status), outcome.Reason, outcome.Detail);
            console.Write(table);
            if (report.NotEnrolled.Count > ReasonsShown)
                console.WriteLine($"... and {report.NotEnrolled.Count - ReasonsShown} more; see them all with --report file.csv or --json.");
        }
        console.WriteLine(
            $"{Tables.Count(report.Enrolled)} of {Tables.Count(report.Images)} pictures of {Tables.Count(report.People)} people enrolled into '{report.Gallery}'"
            + $" in {Tables.Seconds(report.Seconds)} ({Tables.PerSecond(report.ImagesPerSecond)} pictures/s);"
            + $" {report.Replayed} had been before, {report.Conflicts} conflicts, {report.Rejected} rejected, {report.Failed} failed, {report.Skipped} files skipped.");
    }
}

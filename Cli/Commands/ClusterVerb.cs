using System.CommandLine;
using FaceSearch.Cli.Clustering;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Evaluate;
using FaceSearch.Cli.Terminal;
using FaceSearch.VectorIndex.Clustering;
using FaceSearch.Vision;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary><c>facesearch cluster</c>: groups the faces of a folder by person, offline.</summary>
internal static class ClusterVerb
{
    private const int PicturesShown = 3;

    public static Command Build(GlobalOptions options)
    {
        Argument<string> folder = new("folder") { Description = "A folder of pictures, at any depth; who is on them need not be known." };
        Option<float?> threshold = ClusterOptionsOf.Threshold();
        Option<int> minSize = new("--min-size") { Description = "Groups with fewer faces are not listed (nor copied).", HelpName = "n", DefaultValueFactory = _ => 2 };
        Option<string?> csv = new("--csv") { Description = "Write one row a face: group, file and box.", HelpName = "file.csv" };
        Option<string?> copyTo = new("--copy-to") { Description = "Copy the pictures into this new folder, one sub-folder a group: ready to be renamed and enrolled.", HelpName = "folder" };
        Option<string?> models = new("--models") { Description = "Folder of models (environment: FACESEARCH_MODELS).", HelpName = "folder" };
        return new Command("cluster", "Group every face of every picture in a folder by person; offline, with local models.") { folder, threshold, minSize, csv, copyTo, models }.WithExamples(
            "# who appears how often in these pictures?",
            "facesearch cluster holiday/",
            "# sort them into one folder a person, rename those you know, then enrol them",
            "facesearch cluster holiday/ --copy-to sorted/ --min-size 3",
            "facesearch cluster holiday/ --csv groups.csv --threshold 0.6").Runs(options, async (run, cancellation) =>
        {
            ParseResult parse = run.Parse;
            string path = parse.GetRequiredValue(folder);
            int least = parse.GetValue(minSize);
            if (least < 1)
                throw new UsageException($"--min-size must be at least 1, got {least}.");
            ClusterOptions clustering = new();
            if (ClusterOptionsOf.Check(parse.GetValue(threshold)) is { } score)
                clustering = clustering with { Threshold = score };
            if (parse.GetValue(copyTo) is { } wanted)
                ClusterFiles.CheckEmpty(wanted);
            (string RelativePath, string FullPath)[] images = Collect(path);
            FolderClusters clusters;
            using (LocalEmbedder embedder = new(new ModelStore(ModelsVerb.Folder(run.Host, parse.GetValue(models)))))
                clusters = await FolderClusterer.RunAsync(path, embedder, images, clustering, least, run.Output, cancellation);
            if (parse.GetValue(csv) is { } file)
            {
                using StreamWriter writer = new(file);
                ClusterFiles.WriteCsv(writer, clusters);
                clusters = clusters with { Csv = Path.GetFullPath(file) };
            }
            if (parse.GetValue(copyTo) is { } target)
            {
                ClusterFiles.Copy(clusters, images.ToDictionary(image => image.RelativePath, image => image.FullPath, StringComparer.Ordinal), target);
                clusters = clusters with { CopiedTo = Path.GetFullPath(target) };
            }
            run.Output.Result(clusters, Draw);
            return ExitCodes.Ok;
        });
    }

    private static (string RelativePath, string FullPath)[] Collect(string folder)
    {
        if (!Directory.Exists(folder))
            throw new UsageException($"There is no folder '{folder}'.");
        (string RelativePath, string FullPath)[] images = [.. PeopleFolder.ImagesBelow(folder)];
        return images.Length > 0 ? images : throw new UsageException($"No picture lies in '{folder}' or below it.");
    }

    private static void Draw(IAnsiConsole console, FolderClusters clusters)
    {
        if (clusters.Groups.Count > 0)
        {
            Table table = Tables.Create("group", ">faces", ">pictures", ">cohesion", "on");
            foreach (FacesOfOne group in clusters.Groups)
            {
                string[] files = [.. group.Faces.Select(face => face.File).Distinct(StringComparer.Ordinal)];
                string names = string.Join(", ", files.Take(PicturesShown));
                table.Row(
                    group.Name, Tables.Count(group.Faces.Count), Tables.Count(files.Length), group.Cohesion is { } cohesion ? Tables.Score(cohesion) : null,
                    files.Length > PicturesShown ? $"{names} and {files.Length - PicturesShown} more" : names);
            }
            console.Write(table);
        }
        console.WriteLine(
            $"{Tables.Count(clusters.Faces)} faces on {Tables.Count(clusters.Pictures)} pictures: {Tables.Count(clusters.Groups.Count)} groups at threshold {Tables.Score(clusters.Threshold)}, "
            + $"{Tables.Count(clusters.Alone)} faces in smaller ones, {Tables.Count(clusters.Failures.Count)} pictures without a face, in {Tables.Seconds(clusters.Seconds)}.");
        if (clusters.CopiedTo is { } copied)
            console.WriteLine($"Copied to {copied}, one sub-folder a group.");
    }
}

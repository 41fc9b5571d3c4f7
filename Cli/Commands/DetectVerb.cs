using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary>The faces of one picture.</summary>
internal sealed record DetectedFile(string File, DetectResponse Answer);

/// <summary><c>facesearch detect</c>: where are the faces, and would they do for enrolment?</summary>
internal static class DetectVerb
{
    public static Command Build(GlobalOptions options)
    {
        Argument<string[]> images = new("image") { Description = "Pictures, or folders of pictures.", Arity = ArgumentArity.OneOrMore };
        return new Command("detect", "Find faces: boxes, quality, and why a face would not do for enrolment.") { images }
            .WithExamples(
                "facesearch detect group.jpg",
                "facesearch detect group.jpg --json | jq '.files[0].answer.faces | length'",
                "# exit code 3: a picture without a face").Runs(options, async (run, cancellation) =>
            {
                List<DetectedFile> files = [];
                foreach ((string name, string path) in PeopleFolder.ImageFiles(run.Parse.GetRequiredValue(images)))
                    files.Add(new(name, await run.Client.DetectAsync(await File.ReadAllBytesAsync(path, cancellation), cancellation)));
                run.Output.Result(new { files }, (console, _) => Draw(console, files));
                return files.All(file => file.Answer.Faces.Count > 0) ? ExitCodes.Ok : ExitCodes.NoMatch;
            });
    }

    private static void Draw(IAnsiConsole console, List<DetectedFile> files)
    {
        Table table = Tables.Create("picture", "face", ">score", ">quality", ">sharpness", ">yaw", "not enrolled because");
        foreach (DetectedFile file in files)
        {
            if (file.Answer.Faces.Count == 0)
                table.Row(file.File, "no face", null, null, null, null, null);
            foreach (Face face in file.Answer.Faces)
            {
                table.Row(
                    file.File,
                    Tables.Box(face.Box),
                    Tables.Score(face.Score),
                    Number(face.Quality.Overall),
                    Number(face.Quality.Sharpness),
                    face.Quality.Yaw?.ToString("F0", CultureInfo.InvariantCulture),
                    face.Rejections.Count == 0 ? null : string.Join(' ', face.Rejections));
            }
        }
        console.Write(table);
        foreach (string warning in files.SelectMany(file => file.Answer.Warnings).Distinct())
            console.WriteLine($"Note: {warning}");
    }

    private static string? Number(float? value) => value?.ToString("F2", CultureInfo.InvariantCulture);
}

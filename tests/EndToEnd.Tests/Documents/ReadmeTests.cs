using System.Diagnostics;
using System.Text.RegularExpressions;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Documents;

/// <summary>
/// The README's tour is run as written. In its <c>console</c> blocks a line that begins with "$ " is a command (a trailing
/// "# exit N" is the code it must end with), "..." stands for any lines, and every other line must appear in the output, in order,
/// where digits and runs of blanks may differ.
/// </summary>
public sealed partial class ReadmeTests
{
    private static readonly string[] People =
        ["Abdullah_Gul", "Adrien_Brody", "Alejandro_Toledo", "Andre_Agassi", "Angelina_Jolie", "Ariel_Sharon", "Colin_Powell", "Gerhard_Schroeder", "Hugo_Chavez"];

    [Fact]
    public async Task The_tour_does_what_it_says()
    {
        string data = SharedData.Folder;
        await using ServerProcess server = await ServerProcess.StartAsync(Path.Combine(data, "models"));
        string folder = Directory.CreateTempSubdirectory("facesearch-tour-").FullName;
        try
        {
            LayOutPhotos(Path.Combine(data, "faces", "lfw"), folder);
            List<Step> steps = Steps();
            steps.Count.ShouldBeGreaterThanOrEqualTo(7);
            foreach (Step step in steps)
            {
                (int code, string output) = await RunAsync(step.Command, server.Url, folder);
                code.ShouldBe(step.ExitCode, $"$ {step.Command}\n{output}");
                Compare(step, output);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_two_commands_are_those_that_CI_and_the_silo_use()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        readme.ShouldContain("dotnet run -c Release --project Silo");
        readme.ShouldContain("dotnet test -c Release");
        File.ReadAllText(Path.Combine(Repository.Root, ".ci", "run")).ShouldContain("dotnet test -c Release");
    }

    [Fact]
    public void Every_linked_document_exists()
    {
        foreach (string document in Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md").Append(Path.Combine(Repository.Root, "README.md")))
        {
            foreach (Match link in Links().Matches(File.ReadAllText(document)))
            {
                string target = Path.Combine(Path.GetDirectoryName(document)!, link.Groups[1].Value);
                (File.Exists(target) || Directory.Exists(target)).ShouldBeTrue($"{Path.GetFileName(document)} links to {link.Groups[1].Value}");
            }
        }
    }

    private static void LayOutPhotos(string lfw, string folder)
    {
        foreach (string person in People)
        {
            string to = Directory.CreateDirectory(Path.Combine(folder, "photos", person)).FullName;
            for (int number = 1; number <= 3; number++)
                File.Copy(Path.Combine(lfw, person, $"{person}_{number:d4}.jpg"), Path.Combine(to, $"{person}_{number:d4}.jpg"));
        }
        File.Copy(Path.Combine(lfw, "Hugo_Chavez", "Hugo_Chavez_0007.jpg"), Path.Combine(folder, "somebody.jpg"));
    }

    private static List<Step> Steps()
    {
        List<Step> steps = [];
        bool inside = false;
        foreach (string line in File.ReadAllLines(Path.Combine(Repository.Root, "README.md")))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
                inside = line == "```console";
            else if (inside && line.StartsWith("$ ", StringComparison.Ordinal))
                steps.Add(new Step(line[2..]));
            else if (inside)
                steps[^1].Expected.Add(line);
        }
        return steps;
    }

    private static async Task<(int Code, string Output)> RunAsync(string command, string url, string folder)
    {
        string line = command
            .Replace("facesearch ", $"dotnet {Repository.Assembly("Cli")} ", StringComparison.Ordinal)
            .Replace("http://127.0.0.1:8080", url, StringComparison.Ordinal);
        ProcessStartInfo start = new("bash", ["-c", $"{line} 2>&1"]) { RedirectStandardOutput = true, WorkingDirectory = folder };
        start.Environment["FACESEARCH_SERVER"] = url;
        start.Environment["COLUMNS"] = "160";
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }

    private static void Compare(Step step, string output)
    {
        string[] lines = [.. output.Split('\n').Select(Shape)];
        int at = 0;
        foreach (string expected in step.Expected.Where(e => e != "..." && e.Trim().Length > 0))
        {
            int found = Array.FindIndex(lines, at, l => l == Shape(expected));
            found.ShouldBeGreaterThanOrEqualTo(0, $"$ {step.Command}\nexpected: {expected}\nbut it printed:\n{output}");
            at = found + 1;
        }
    }

    private static string Shape(string line) => Blanks().Replace(Digits().Replace(line.Trim(), "0"), " ");

    [GeneratedRegex(@"[0-9]+(\.[0-9]+)?(E[-+]?[0-9]+)?")]
    private static partial Regex Digits();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    [GeneratedRegex(@"\]\((?!https?:)([^)#]+)")]
    private static partial Regex Links();

    private sealed class Step
    {
        public Step(string line)
        {
            int exit = line.IndexOf(" # exit ", StringComparison.Ordinal);
            Command = exit < 0 ? line : line[..exit];
            ExitCode = exit < 0 ? 0 : int.Parse(line[(exit + 8)..], System.Globalization.CultureInfo.InvariantCulture);
        }

        public string Command { get; }

        public int ExitCode { get; }

        public List<string> Expected { get; } = [];
    }
}

using System.Diagnostics;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.Faults.Tests;

/// <summary>The short dose of each fault of docs/reliability.md, by the program that also gives the long ones. The faults that other suites give are not repeated here.</summary>
[Trait("Category", "Slow")]
public sealed class ShortDoseTests
{
    [Theory]
    [InlineData("kill")]
    [InlineData("pause")]
    [InlineData("partition")]
    [InlineData("membership")]
    [InlineData("slow")]
    [InlineData("overload")]
    [InlineData("disk")]
    [InlineData("database-disk")]
    public async Task A_short_dose_breaks_no_promise(string fault)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("facesearch-faults-");
        try
        {
            ProcessStartInfo start = new("dotnet", [Path.Combine(Repository.Root, "bench", "FaultBench", "bin", Repository.Configuration, "net10.0", "FaceSearch.FaultBench.dll"),
                "--only", fault, "--untimed", "--silo", Repository.Assembly("Silo"), "--out", folder.FullName]) { RedirectStandardOutput = true, RedirectStandardError = true };
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await error;
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            TestContext.Current.TestOutputHelper!.WriteLine(output);
            string file = Path.Combine(folder.FullName, $"{fault}.json");
            File.Exists(file).ShouldBeTrue(output);
            using JsonDocument row = JsonDocument.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
            string? verdict = row.RootElement.GetProperty("verdict").GetString();
            Assert.SkipWhen(verdict == "skipped", verdict == "skipped" ? row.RootElement.GetProperty("reason").GetString()! : "");
            verdict.ShouldBe("pass", output);
            process.ExitCode.ShouldBe(0);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}

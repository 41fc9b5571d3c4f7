using System.Net;

namespace FaceSearch.Infra.Tests;

/// <summary>cluster.sh with real servers.</summary>
[Trait("Category", "Slow")]
public sealed class ClusterScriptTests
{
    private static readonly string Program = Path.Combine(Tree.Root, "Silo", "bin", AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug", "net10.0", "FaceSearch.Silo.dll");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cluster_starts_loses_a_silo_gets_it_back_and_leaves_nothing(bool onAzurite)
    {
        string[] start = ["start", "--silos", "2", "--gateways", "1", .. onAzurite ? ["--azurite"] : (string[])[]];
        Assert.SkipUnless(Tree.Has("curl"), "Needs curl: apt-get install curl.");
        Assert.SkipUnless(onAzurite || Directory.Exists("/usr/lib/postgresql"), "Needs PostgreSQL: apt-get install postgresql.");
        Assert.SkipUnless(!onAzurite || Directory.Exists(Azurite), "Needs Azurite: infra/scripts/install-azurite.sh.");
        using Scratch scratch = new();
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(scratch.Folder, File.GetUnixFileMode(scratch.Folder) | UnixFileMode.OtherExecute);
        string folder = Path.Combine(scratch.Folder, "cluster");
        try
        {
            (int code, string output) = Cluster(folder, start);
            code.ShouldBe(0, output);
            (code, string status) = Cluster(folder, "status");
            code.ShouldBe(0, status);
            status.ShouldContain("silo-2");
            status.Contains("postgres", StringComparison.Ordinal).ShouldBe(!onAzurite);

            Cluster(folder, "kill", "2").Code.ShouldBe(0);
            Cluster(folder, "status").Code.ShouldBe(1);
            Cluster(folder, start).Code.ShouldBe(0);
            Cluster(folder, "status").Code.ShouldBe(0);

            Dictionary<string, string> settings = File.ReadLines(Path.Combine(folder, "cluster.env")).Select(l => l.Split('=', 2)).ToDictionary(p => p[0], p => p[1].Trim('\''));
            using HttpClient http = new();
            http.DefaultRequestHeaders.Authorization = new("Bearer", settings["FACESEARCH_KEY"]);
            (await http.GetAsync($"{settings["GATEWAY_1_URL"]}/api/v1/galleries", TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.OK);
        }
        finally
        {
            if (Directory.Exists(folder))
                Cluster(folder, "stop", "--delete").Code.ShouldBe(0);
        }
        Directory.Exists(folder).ShouldBeFalse();
        Directory.GetDirectories("/proc").Where(p => CommandLine(p).Contains(folder, StringComparison.Ordinal)).ShouldBeEmpty();
    }

    private static string Azurite => Environment.GetEnvironmentVariable("FACESEARCH_AZURITE")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "facesearch", "azurite");

    private static (int Code, string Output) Cluster(string folder, params string[] arguments) =>
        Tree.Run("sh", [Path.Combine(Tree.Infra, "scripts", "cluster.sh"), .. arguments, "--folder", folder], environment: [("FACESEARCH_SILO_DLL", Program)]);

    private static string CommandLine(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}

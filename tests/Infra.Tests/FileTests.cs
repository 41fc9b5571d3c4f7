using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace FaceSearch.Infra.Tests;

/// <summary>YAML, shell scripts, Dockerfiles and units, each by the tools that are there.</summary>
public sealed partial class FileTests
{
    private static IEnumerable<string> All => new[] { "docker", "compose", "helm", "systemd", "scripts" }.SelectMany(Tree.Files);

    public static TheoryData<string> Yaml => [.. Relative(All.Where(f => f.EndsWith(".yaml", StringComparison.Ordinal) || f.EndsWith(".yml", StringComparison.Ordinal)).Where(f => !f.Contains("/templates/", StringComparison.Ordinal)))];

    public static TheoryData<string> Scripts => [.. Relative(All.Where(f => f.EndsWith(".sh", StringComparison.Ordinal)))];

    public static TheoryData<string> Dockerfiles => [.. Relative(All.Where(f => f.EndsWith("Dockerfile", StringComparison.Ordinal)))];

    public static TheoryData<string> Units => [.. Relative(All.Where(f => f.EndsWith(".service", StringComparison.Ordinal)))];

    [Theory, MemberData(nameof(Yaml))]
    public void A_YAML_file_parses(string file) => Tree.Yaml(Path.Combine(Tree.Root, file)).ShouldNotBeEmpty();

    [Theory, MemberData(nameof(Scripts))]
    public void A_script_parses_and_stops_at_errors(string file)
    {
        string text = Tree.Read(file);
        Tree.Run(text.StartsWith("#!/bin/bash", StringComparison.Ordinal) ? "bash" : "sh", ["-n", file]).ShouldBe((0, ""));
        if (text.StartsWith("#!", StringComparison.Ordinal))
            text.ShouldContain("\nset -eu\n");
    }

    [Fact]
    public void Shellcheck_finds_nothing()
    {
        Assert.SkipUnless(Tree.Has("shellcheck"), "Needs shellcheck: apt-get install shellcheck.");
        Tree.Run("shellcheck", Scripts.Select(s => s.Data)).ShouldBe((0, ""));
    }

    [Theory, MemberData(nameof(Dockerfiles))]
    public void A_Dockerfile_copies_what_is_there_restores_all_it_publishes_and_does_not_run_as_root(string file)
    {
        string text = Tree.Read(file);
        string[][] copies = [.. Copies().Matches(text).Select(m => m.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        foreach (string source in copies.SelectMany(c => c[..^1]))
            Path.Exists(Path.Combine(Tree.Root, source)).ShouldBeTrue($"{file} copies {source}");
        string project = Published().Match(text).Groups[1].Value;
        text[..text.IndexOf("RUN dotnet restore", StringComparison.Ordinal)].ShouldSatisfyAllConditions([.. Closure(project).Select(p => (Action<string>)(before => before.ShouldContain($"COPY {p} ")))]);
        text.LastIndexOf("\nUSER $APP_UID\n", StringComparison.Ordinal).ShouldBeGreaterThan(text.LastIndexOf("\nFROM ", StringComparison.Ordinal));
        text.ShouldContain("HEALTHCHECK ");
        Secret().IsMatch(text).ShouldBeFalse();
    }

    [Fact]
    public void Secrets_and_build_outputs_stay_out_of_the_images()
    {
        string[] ignored = Tree.Read(".dockerignore").Split('\n');
        foreach (string entry in (string[])[".git", "**/bin", "**/obj", "infra/compose", "facesearch-data", "facesearch-cluster"])
            ignored.ShouldContain(entry);
        Tree.Read(".gitignore").ShouldContain("/infra/compose/secrets/");
    }

    [Theory, MemberData(nameof(Units))]
    public void A_unit_is_hardened_and_systemd_has_nothing_to_say(string file)
    {
        string text = Tree.Read(file);
        foreach (string line in (string[])["DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes"])
            text.ShouldContain($"\n{line}\n");
        if (!Tree.Has("systemd-analyze"))
            return;
        using Scratch scratch = new();
        // The program is not installed here: any that exists stands for it.
        File.WriteAllText(Path.Combine(scratch.Folder, Path.GetFileName(file)), text.Replace("/usr/bin/dotnet", "/bin/true", StringComparison.Ordinal));
        string said = Tree.Run("systemd-analyze", ["verify", "--man=no", Path.Combine(scratch.Folder, Path.GetFileName(file))]).Output;
        said.Split('\n').Where(l => l.Contains(Path.GetFileName(file), StringComparison.Ordinal)).ShouldBeEmpty();
    }

    private static IEnumerable<string> Relative(IEnumerable<string> files) => files.Select(f => Path.GetRelativePath(Tree.Root, f)).Order(StringComparer.Ordinal);

    /// <summary>A project and all that it references, as paths from the root.</summary>
    private static HashSet<string> Closure(string project)
    {
        HashSet<string> found = [];
        Queue<string> open = new([project]);
        while (open.TryDequeue(out string? next))
        {
            if (!found.Add(next))
                continue;
            foreach (XElement reference in XDocument.Load(Path.Combine(Tree.Root, next)).Descendants("ProjectReference"))
                open.Enqueue(Path.GetRelativePath(Tree.Root, Path.GetFullPath(Path.Combine(Tree.Root, Path.GetDirectoryName(next)!, reference.Attribute("Include")!.Value))));
        }
        return found;
    }

    [GeneratedRegex(@"(?m)^COPY (?!--from)(?:--\S+ )*(.+)$")]
    private static partial Regex Copies();

    [GeneratedRegex(@"dotnet publish (\S+)")]
    private static partial Regex Published();

    [GeneratedRegex(@"(?im)^(ARG|ENV).*(password|secret|key|token)\s*=")]
    private static partial Regex Secret();
}

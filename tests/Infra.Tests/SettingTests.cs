using System.Text.RegularExpressions;

namespace FaceSearch.Infra.Tests;

/// <summary>What compose, Helm, systemd and the scripts set is what the programs read.</summary>
public sealed partial class SettingTests
{
    private static readonly string[] Folders = ["docker", "compose", "helm", "systemd", "scripts"];

    /// <summary>Variables of infra's own scripts and files, which no program reads.</summary>
    private static readonly string[] Own =
    [
        "FACESEARCH_TAG", "FACESEARCH_PORT", "FACESEARCH_SECRETS", "FACESEARCH_CLUSTER", "FACESEARCH_SILO_DLL", "FACESEARCH_TRAINING_DLL", "FACESEARCH_START_LIMIT", "FACESEARCH_AZURITE",
    ];

    private static readonly SettingKeys Keys = new();

    public static TheoryData<string> Files => [.. Folders.SelectMany(Tree.Files).Select(f => Path.GetRelativePath(Tree.Root, f))];

    [Theory, MemberData(nameof(Files))]
    public void Every_setting_in_a_file_is_one_that_the_programs_read(string file)
    {
        string text = Tree.Read(file);
        foreach (string name in Settings().Matches(text).Select(m => m.Value).Distinct())
        {
            string key = name.Replace("__", ":", StringComparison.Ordinal);
            Keys.Knows(key).ShouldBeTrue($"{file} sets {name}, which nothing reads");
        }
        foreach (string name in Variables().Matches(text).Select(m => m.Value).Distinct().Except(Own))
            Keys.KnowsVariable(name).ShouldBeTrue($"{file} sets {name}, which nothing reads");
    }

    [Fact]
    public void The_scan_of_the_sources_tells_what_exists_from_what_does_not()
    {
        foreach (string known in (string[])["Silo:DataFolder", "Silo:LogFormat", "Shards:EfSearch", "Storage:ConnectionString", "Cluster:SiloPort", "Cluster:Tls:Key", "Messaging:Images:Roots:0", "Gateway:Images:MaxBytes"])
            Keys.Knows(known).ShouldBeTrue(known);
        foreach (string unknown in (string[])["Silo:Nothing", "Shards:Ef", "Storage", "Cluster:Tls:Nothing", "Messaging:Images:Roots:x", "Nothing:DataFolder"])
            Keys.Knows(unknown).ShouldBeFalse(unknown);
        Keys.KnowsVariable("FACESEARCH_ADMIN_KEY").ShouldBeTrue();
        Keys.KnowsVariable("FACESEARCH_NOTHING").ShouldBeFalse();
    }

    [GeneratedRegex(@"\b[A-Z][A-Za-z]+__[A-Za-z][A-Za-z0-9]*(?:__[A-Za-z0-9]+)*")]
    private static partial Regex Settings();

    [GeneratedRegex(@"\bFACESEARCH_[A-Z_]+\b")]
    private static partial Regex Variables();
}

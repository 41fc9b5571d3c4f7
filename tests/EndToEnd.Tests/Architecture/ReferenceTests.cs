using System.Xml.Linq;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Architecture;

/// <summary>Holds the rooms apart: docs/architecture.md's table of what may reference what.</summary>
public sealed class ReferenceTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Contracts"] = [],
        ["VectorIndex"] = [],
        ["Vision"] = [],
        ["Evaluation"] = ["VectorIndex"],
        ["Storage"] = ["Contracts"],
        ["Grains"] = ["Contracts", "VectorIndex", "Vision", "Evaluation", "Storage"],
        ["Gateway"] = ["Contracts", "Vision"],
        ["Silo"] = ["Grains", "Gateway"],
        ["TrainingJob"] = ["Contracts", "Vision", "Evaluation"],
        ["Cli"] = ["Contracts", "Vision", "VectorIndex", "Evaluation"],
    };

    public static TheoryData<string> Rooms => [.. Allowed.Keys];

    [Theory, MemberData(nameof(Rooms))]
    public void A_room_references_only_rooms_above_it(string room) =>
        References(room, "ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r)!).ShouldBeSubsetOf(Allowed[room]);

    [Fact]
    public void Every_project_of_the_solution_is_a_known_room_a_sample_a_test_or_a_benchmark()
    {
        string[] projects = [.. Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories).Select(p => Path.GetRelativePath(Repository.Root, p).Replace('\\', '/'))];
        foreach (string project in projects.Where(p => !p.StartsWith("tests/", StringComparison.Ordinal) && !p.StartsWith("bench/", StringComparison.Ordinal)))
            (project.StartsWith("infra/samples/", StringComparison.Ordinal) || Allowed.ContainsKey(project.Split('/')[0])).ShouldBeTrue(project);
    }

    [Fact]
    public void The_index_knows_nothing_of_faces_actors_or_networks() => References("VectorIndex", "PackageReference").ShouldBeSubsetOf(["System.IO.Hashing"]);

    [Fact]
    public void Only_the_silo_knows_the_broker()
    {
        foreach (string room in Allowed.Keys.Where(r => r != "Silo"))
            References(room, "PackageReference").ShouldNotContain(p => p.StartsWith("MassTransit", StringComparison.Ordinal));
    }

    [Fact]
    public void Versions_are_pinned_in_one_place_and_MassTransit_stays_free()
    {
        XDocument packages = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props"));
        foreach (XElement package in packages.Descendants("PackageVersion"))
        {
            string name = package.Attribute("Include")!.Value, version = package.Attribute("Version")!.Value;
            version.ShouldNotContain("*", Case.Sensitive, name);
            if (name.StartsWith("MassTransit", StringComparison.Ordinal))
                version.ShouldBe("[8.5.12,9.0.0)");
        }
    }

    private static string[] References(string room, string kind) =>
        [.. XDocument.Load(Path.Combine(Repository.Root, room, $"{room}.csproj")).Descendants(kind).Select(r => r.Attribute("Include")!.Value)];
}

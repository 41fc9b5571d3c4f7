using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.Grains.Tests.Wire;

/// <summary>Neighbouring versions run in one cluster (docs/operations.md, "Upgrades"): what they say to each other changes only by additions.</summary>
public sealed class WireShapeTests
{
    private const string Write = "FACESEARCH_WRITE_WIRE";
    private static readonly string File = Path.Combine(Repository.Root, "tests", "Grains.Tests", "Wire", "wire.txt");

    [Fact]
    public void What_versions_say_to_each_other_is_what_is_written_down()
    {
        string[] now = WireShape.Lines();
        if (Environment.GetEnvironmentVariable(Write) is { Length: > 0 })
            System.IO.File.WriteAllLines(File, now);
        string[] written = System.IO.File.ReadAllLines(File);
        string[] gone = [.. written.Except(now)], added = [.. now.Except(written)];
        gone.ShouldBeEmpty($"""
            This breaks a cluster that runs this version beside the one before. Never change or take away a field id, an alias, a signature or the name of
            something stored: leave the old one, and add a new field id or a new method. If it must be, write tests/Grains.Tests/Wire/wire.txt anew
            ({Write}=1 and this test) and say in docs/operations.md, "Upgrades", that this version cannot be mixed with the one before.
            Instead of them there is now:
            {string.Join('\n', added)}
            """);
        added.ShouldBeEmpty($"These additions are safe on the wire (docs/operations.md, \"Upgrades\", says what else to mind). Write them down: run this test with {Write}=1.");
    }

    [Fact]
    public void Everything_on_the_wire_has_an_alias_so_that_code_can_be_renamed() => WireShape.WithoutAlias().ShouldBeEmpty();

    [Fact]
    public void Whatever_is_on_the_wire_is_listed()
    {
        string[] lines = WireShape.Lines();
        lines.ShouldBeUnique();
        lines.ShouldContain("type fs.GallerySettings field 05: Int32 stored as MaxTemplatesPerShard");
        lines.ShouldContain("type fs.ShardQuery field 03: DateTimeOffset");
        lines.ShouldContain("interface fs.IApiKeyGrain method Create(String, FaceSearch.ApiRole): Task<fs.NewApiKey>");
        lines.ShouldContain("enum FaceSearch.ApiRole: Int32 002 is Enrol");
        lines.ShouldContain("grain gallery serves fs.IGalleryRoutingGrain");
        lines.ShouldContain("grain gallery stores gallery: fs.GalleryState");
    }
}

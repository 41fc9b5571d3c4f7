using System.Text.Json;
using FaceSearch.VectorIndex.Clustering;

namespace FaceSearch.Cli.Tests.Clustering;

/// <summary><c>facesearch cluster</c> on a few dozen real people.</summary>
public sealed class FolderClusterTests
{
    [Fact]
    public async Task Real_people_are_told_apart_and_the_groups_are_shown_written_and_copied()
    {
        using TemporaryFolder folder = new();
        string faces = RealFaces.LinkSome(folder, people: 20, imagesEach: 4);
        (string csv, string sorted) = (folder.Below("groups.csv"), folder.Below("sorted"));

        Ran ran = await Cli.RunWithAsync(RealFaces.Models(), "cluster", faces, "--min-size", "1", "--csv", csv, "--copy-to", sorted, "--json");

        ran.ExitCode.ShouldBe(ExitCodes.Ok, ran.Error);
        ran.Json.GetProperty("pictures").GetInt32().ShouldBe(80);
        ran.Json.GetProperty("failures").GetArrayLength().ShouldBe(0);
        JsonElement[] groups = [.. ran.Json.GetProperty("groups").EnumerateArray()];
        groups.Sum(group => group.GetProperty("faces").GetArrayLength()).ShouldBe(ran.Json.GetProperty("faces").GetInt32());
        groups[0].GetProperty("name").GetString().ShouldBe("person-0001");
        groups[0].GetProperty("cohesion").GetDouble().ShouldBeInRange(0.4, 1);
        Agreement(groups).BCubedF.ShouldBeGreaterThanOrEqualTo(0.95);

        string[] rows = File.ReadAllLines(csv);
        rows[0].ShouldBe("group,file,x,y,width,height");
        rows.Length.ShouldBe(1 + ran.Json.GetProperty("faces").GetInt32());
        Directory.GetDirectories(sorted).Select(Path.GetFileName).Order(StringComparer.Ordinal).ShouldBe(groups.Select(group => group.GetProperty("name").GetString()!));
        JsonElement largest = groups[0].GetProperty("faces");
        string[] copied = [.. largest.EnumerateArray().Select(face => face.GetProperty("file").GetString()!).Distinct()];
        Directory.GetFiles(Path.Combine(sorted, "person-0001")).Select(Path.GetFileName).ShouldBe(copied.Select(file => file.Replace('/', '_')), ignoreOrder: true);
        File.ReadAllBytes(Path.Combine(sorted, "person-0001", copied[0].Replace('/', '_'))).ShouldBe(File.ReadAllBytes(Path.Combine(faces, copied[0])));
    }

    [Fact]
    public async Task Every_face_of_a_group_photograph_counts_and_pictures_without_one_are_named()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.Below("pictures/deep"));
        File.CreateSymbolicLink(folder.Below("pictures/solvay.jpg"), RealFaces.Scene("solvay_1927_1024x741.jpg"));
        File.CreateSymbolicLink(folder.Below("pictures/deep/a.png"), RealFaces.Scene("astronaut_512x512.png"));
        File.CreateSymbolicLink(folder.Below("pictures/deep/b.jpg"), RealFaces.Scene("exif_orientation/astronaut_o6.jpg"));
        folder.Write("pictures/broken.jpg", "no picture"u8.ToArray());

        Ran json = await Cli.RunWithAsync(RealFaces.Models(), "cluster", folder.Below("pictures"), "--json");
        Ran drawn = await Cli.RunWithAsync(RealFaces.Models(), "cluster", folder.Below("pictures"));

        json.ExitCode.ShouldBe(ExitCodes.Ok, json.Error);
        json.Json.GetProperty("faces").GetInt32().ShouldBeGreaterThan(25);
        json.Json.GetProperty("failures").EnumerateArray().ShouldHaveSingleItem().GetProperty("file").GetString().ShouldBe("broken.jpg");
        string[][] groups = [.. json.Json.GetProperty("groups").EnumerateArray().Select(group => group.GetProperty("faces").EnumerateArray().Select(face => face.GetProperty("file").GetString()!).ToArray())];
        groups.ShouldContain(files => files.SequenceEqual(new[] { "deep/a.png", "deep/b.jpg" }));
        groups.ShouldAllBe(files => files.Length >= 2);
        drawn.Out.ShouldContain("deep/a.png, deep/b.jpg");
        drawn.Out.ShouldContain("1 pictures without a face");
    }

    [Fact]
    public async Task What_cannot_be_done_is_refused_before_the_work_begins()
    {
        using TemporaryFolder folder = new();
        folder.Write("pictures/a.jpg", 1);
        folder.Write("full/b.jpg", 1);
        Directory.CreateDirectory(folder.Below("empty"));
        string pictures = folder.Below("pictures");

        (await RefusedAsync("cluster", folder.Below("nowhere"))).ShouldContain("no folder");
        (await RefusedAsync("cluster", folder.Below("empty"))).ShouldContain("No picture");
        (await RefusedAsync("cluster", pictures, "--copy-to", folder.Below("full"))).ShouldContain("not an empty folder");
        (await RefusedAsync("cluster", pictures, "--threshold", "1.5")).ShouldContain("--threshold");
        (await RefusedAsync("cluster", pictures, "--min-size", "0")).ShouldContain("--min-size");
        (await RefusedAsync("cluster", pictures, "--models", folder.Path)).ShouldContain("facesearch models pull");
    }

    private static async Task<string> RefusedAsync(params string[] arguments)
    {
        Ran ran = await Cli.RunAsync(arguments);
        ran.ExitCode.ShouldBe(ExitCodes.Usage, ran.Error);
        ran.Out.ShouldBeEmpty();
        return ran.Error;
    }

    /// <summary>The most central face of each picture is the person whose folder it lies in; who else is on it nobody knows.</summary>
    private static ClusterMetrics Agreement(JsonElement[] groups)
    {
        var central = groups.SelectMany((group, number) => group.GetProperty("faces").EnumerateArray()
                .Select(face => (File: face.GetProperty("file").GetString()!, Distance: FromCentre(face.GetProperty("box")), Group: (long)number)))
            .GroupBy(face => face.File)
            .Select(picture => picture.MinBy(face => face.Distance))
            .ToArray();
        string[] people = [.. central.Select(face => face.File.Split('/')[0])];
        string[] names = [.. people.Distinct()];
        return ClusterMetrics.Of([.. people.Select(name => (long)Array.IndexOf(names, name))], [.. central.Select(face => face.Group)]);
    }

    /// <summary>LFW's pictures are 250 by 250.</summary>
    private static double FromCentre(JsonElement box)
    {
        double x = box.GetProperty("x").GetDouble() + (box.GetProperty("width").GetDouble() / 2) - 125;
        double y = box.GetProperty("y").GetDouble() + (box.GetProperty("height").GetDouble() / 2) - 125;
        return Math.Sqrt((x * x) + (y * y));
    }
}

using System.Text.Json;
using FaceSearch.Cli.Enrolment;
using FaceSearch.Cli.Evaluate;

namespace FaceSearch.Cli.Tests.Evaluate;

/// <summary>Evaluation in this process, on a few dozen real people.</summary>
public sealed class LocalEvaluationTests
{
    [Fact]
    public async Task Closed_set_figures_are_good_and_the_curve_is_drawn_and_written()
    {
        using TemporaryFolder folder = new();
        string faces = RealFaces.LinkSome(folder, people: 12, imagesEach: 3);
        (string png, string csv) = (folder.Below("det.png"), folder.Below("det.csv"));

        Ran ran = await Cli.RunWithAsync(RealFaces.Models(), "evaluate", "identify", faces, "--local", "--det", png, "--csv", csv, "--json");

        ran.ExitCode.ShouldBe(ExitCodes.Ok, ran.Error);
        ran.Json.GetProperty("mode").GetString().ShouldBe("local");
        ran.Json.GetProperty("people").GetInt32().ShouldBe(12);
        ran.Json.GetProperty("probes").GetInt32().ShouldBe(24);
        ran.Json.GetProperty("rank1").GetDouble().ShouldBeGreaterThan(0.9);
        ran.Json.GetProperty("failures").GetArrayLength().ShouldBe(0);
        File.ReadAllBytes(png)[..8].ShouldBe([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        File.ReadAllLines(csv)[0].ShouldBe("threshold,fpir,fnir,tpir");
        File.ReadAllLines(csv).Length.ShouldBeGreaterThan(5);
    }

    [Fact]
    public async Task Open_set_steps_report_threshold_and_shares()
    {
        using TemporaryFolder folder = new();
        string faces = RealFaces.LinkSome(folder, people: 16, imagesEach: 2);

        Ran ran = await Cli.RunWithAsync(RealFaces.Models(), "evaluate", "strangers", faces, "--local", "--sizes", "4", "8", "--json");

        ran.ExitCode.ShouldBe(ExitCodes.Ok, ran.Error);
        JsonElement[] steps = [.. ran.Json.GetProperty("steps").EnumerateArray()];
        steps.Select(step => step.GetProperty("people").GetInt32()).ShouldBe([4, 8]);
        steps.ShouldAllBe(step => step.GetProperty("strangerProbes").GetInt32() == 16);
        steps.ShouldAllBe(step => step.GetProperty("threshold").GetProperty("threshold").GetDouble() > 0.2);
        steps[1].GetProperty("tpir").GetDouble().ShouldBeGreaterThan(0.7);
    }

    [Fact]
    public async Task Pairs_of_absent_people_are_left_out_and_counted()
    {
        using TemporaryFolder folder = new();
        string faces = RealFaces.LinkSome(folder, people: 4, imagesEach: 2);
        string[] people = [.. Directory.GetDirectories(faces).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];
        string pairs = folder.Below("pairs.txt");
        await File.WriteAllLinesAsync(pairs,
        [
            "2\t2",
            $"{people[0]}\t1\t2", $"{people[1]}\t1\t2", $"{people[0]}\t1\t{people[1]}\t1", $"{people[0]}\t2\t{people[2]}\t1",
            $"{people[2]}\t1\t2", "Nobody\t1\t2", $"{people[2]}\t1\t{people[3]}\t1", $"{people[3]}\t2\t{people[1]}\t1",
        ], TestContext.Current.CancellationToken);

        Ran ran = await Cli.RunWithAsync(RealFaces.Models(), "evaluate", "pairs", faces, pairs, "--local", "--json");

        ran.ExitCode.ShouldBe(ExitCodes.Ok, ran.Error);
        ran.Json.GetProperty("pairsUsed").GetInt32().ShouldBe(7);
        ran.Json.GetProperty("pairsLeftOut").GetInt32().ShouldBe(1);
        ran.Json.GetProperty("accuracy").GetDouble().ShouldBeGreaterThan(0.8);
    }

    [Fact]
    public async Task A_folder_without_models_says_how_to_get_one()
    {
        using TemporaryFolder folder = new();
        folder.Write("people/Ada/1.jpg", 1);

        Ran ran = await Cli.RunAsync("evaluate", "identify", folder.Below("people"), "--local", "--models", folder.Path);

        ran.ExitCode.ShouldBe(ExitCodes.Usage);
        ran.Error.ShouldContain("facesearch models pull");
    }

    [Fact]
    public void The_halves_are_the_same_everywhere_and_do_not_overlap()
    {
        string[] people = [.. Enumerable.Range(0, 101).Select(i => $"Person {i}")];

        (List<string> pool, HashSet<string> strangers) = StrangersEvaluation.Halve(people);
        (List<string> again, _) = StrangersEvaluation.Halve(people.Reverse());

        strangers.Count.ShouldBe(50);
        pool.Count.ShouldBe(51);
        pool.ShouldAllBe(person => !strangers.Contains(person));
        again.ShouldBe(pool);
    }

    [Fact]
    public void The_first_image_of_each_person_is_the_gallery()
    {
        PersonImage[] images = [new("a", "a/1.jpg", "1"), new("a", "a/2.jpg", "2"), new("b", "b/1.jpg", "3"), new("a", "a/3.jpg", "4")];

        (List<PersonImage> first, List<PersonImage> others) = IdentificationEvaluation.SplitFirst(images);

        first.Select(image => image.FullPath).ShouldBe(["1", "3"]);
        others.Select(image => image.FullPath).ShouldBe(["2", "4"]);
    }
}

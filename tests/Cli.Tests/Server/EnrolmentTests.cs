using System.Text.Json;

namespace FaceSearch.Cli.Tests.Server;

/// <summary>Folders of real people against a real server.</summary>
[Collection(SiloTests.Name)]
public sealed class EnrolmentTests(SiloFixture silo)
{
    [Fact]
    public async Task Enrolling_a_folder_again_changes_nothing_and_a_new_picture_alone_is_added()
    {
        using TemporaryFolder folder = new();
        string people = RealFaces.LinkSome(folder, people: 4, imagesEach: 2);
        const string gallery = "cli-resume";

        Ran first = await EnrolAsync(ExitCodes.Ok, people, gallery);
        Ran second = await EnrolAsync(ExitCodes.Ok, people, gallery);
        string person = Directory.GetDirectories(people).Order(StringComparer.Ordinal).First();
        File.CreateSymbolicLink(Path.Combine(person, "zz-other.png"), RealFaces.Scene("astronaut_512x512.png"));
        Ran third = await EnrolAsync(ExitCodes.Ok, people, gallery);

        Counts(first).ShouldBe((8, 0, 0));
        Counts(second).ShouldBe((0, 8, 0));
        Counts(third).ShouldBe((1, 8, 0));
        Ran list = await silo.RunAsync(ExitCodes.Ok, "identities", "list", "-g", gallery, "--json");
        list.Json.GetProperty("items").EnumerateArray().Sum(identity => identity.GetProperty("templates").GetArrayLength()).ShouldBe(9);
    }

    [Fact]
    public async Task What_is_refused_is_reported_with_its_reason_on_screen_as_json_and_as_csv()
    {
        using TemporaryFolder folder = new();
        string people = RealFaces.LinkSome(folder, people: 1, imagesEach: 1);
        folder.Write("people/Broken/1.jpg", "this is no picture"u8.ToArray());
        folder.Write("people/readme.txt", 1);
        Directory.CreateDirectory(folder.Below("people/Solvay"));
        File.CreateSymbolicLink(folder.Below("people/Solvay/1.jpg"), RealFaces.Scene("solvay_1927_1024x741.jpg"));
        string csv = folder.Below("refused.csv");

        Ran json = await silo.RunAsync(ExitCodes.Partial, "enrol", people, "-g", "cli-refused", "--report", csv, "--json");
        Ran text = await silo.RunAsync(ExitCodes.Partial, "enrol", people, "-g", "cli-refused");

        Counts(json).ShouldBe((1, 0, 2));
        JsonElement[] refused = [.. json.Json.GetProperty("notEnrolled").EnumerateArray()];
        refused.Select(item => item.GetProperty("file").GetString()).ShouldBe(["Broken/1.jpg", "Solvay/1.jpg", "readme.txt"]);
        refused[0].GetProperty("status").GetString().ShouldBe("rejected");
        refused[0].GetProperty("reason").GetString()!.ShouldStartWith("image-rejected");
        refused[1].GetProperty("reason").GetString()!.ShouldStartWith("several-faces");
        refused[2].GetProperty("status").GetString().ShouldBe("skipped");
        File.ReadAllLines(csv).Length.ShouldBe(4);
        text.Out.ShouldContain("Solvay/1.jpg");
        text.Out.ShouldContain("0 of 3 pictures of 3 people enrolled into 'cli-refused'");
    }

    [Fact]
    public async Task Somebody_else_s_face_is_reported_as_a_conflict_unless_allowed()
    {
        using TemporaryFolder folder = new();
        string people = RealFaces.LinkSome(folder, people: 3, imagesEach: 1);
        const string gallery = "cli-conflict";
        await EnrolAsync(ExitCodes.Ok, people, gallery);
        string picture = Directory.GetFiles(Directory.GetDirectories(people).Order(StringComparer.Ordinal).First()).Single();

        Ran report = await silo.RunAsync(ExitCodes.Partial, "enrol", picture, "--identity", "Somebody Else", "-g", gallery, "--json");
        Ran allowed = await silo.RunAsync(ExitCodes.Ok, "enrol", picture, "--identity", "Somebody Else", "-g", gallery, "--on-conflict", "allow", "--json");

        report.Json.GetProperty("conflicts").GetInt32().ShouldBe(1);
        report.Json.GetProperty("notEnrolled")[0].GetProperty("reason").GetString().ShouldBe("looks-like-existing");
        allowed.Json.GetProperty("enrolled").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task An_erased_person_comes_back_only_when_a_new_attempt_is_asked_for()
    {
        using TemporaryFolder folder = new();
        string people = RealFaces.LinkSome(folder, people: 2, imagesEach: 1);
        const string gallery = "cli-erase";
        await EnrolAsync(ExitCodes.Ok, people, gallery);
        string person = Path.GetFileName(Directory.GetDirectories(people).Order(StringComparer.Ordinal).First());

        Ran erased = await silo.RunAsync(ExitCodes.Ok, "identities", "erase", person, "-g", gallery, "--yes", "--json");
        Ran again = await silo.RunAsync("enrol", people, "-g", gallery, "--json");
        Ran gone = await silo.RunAsync(ExitCodes.Failed, "identities", "get", person, "-g", gallery, "--json");
        Ran attempt = await silo.RunAsync("enrol", people, "-g", gallery, "--attempt", "after-erasure", "--on-conflict", "allow", "--json");

        erased.Json.GetProperty("templatesErased").GetInt32().ShouldBe(1);
        again.Json.GetProperty("enrolled").GetInt32().ShouldBe(0);
        gone.Problem.GetProperty("type").GetString().ShouldBe("identity-not-found");
        attempt.Json.GetProperty("enrolled").GetInt32().ShouldBe(2);
    }

    private Task<Ran> EnrolAsync(int exitCode, string folder, string gallery) => silo.RunAsync(exitCode, "enrol", folder, "-g", gallery, "--faces", "central", "--json");

    private static (int Enrolled, int Replayed, int Rejected) Counts(Ran ran) =>
        (ran.Json.GetProperty("enrolled").GetInt32(), ran.Json.GetProperty("replayed").GetInt32(), ran.Json.GetProperty("rejected").GetInt32());
}

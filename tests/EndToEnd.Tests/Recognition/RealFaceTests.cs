using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Recognition;

/// <summary>One server with the real models, for the tests that only ask.</summary>
public sealed class ServerWithModels : IAsyncLifetime
{
    private ServerProcess? _server;

    /// <summary>Skips the test where there are no models.</summary>
    internal ServerProcess Server
    {
        get
        {
            _ = SharedData.Folder;
            return _server!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (SharedData.FolderOrNull is { } data)
            _server = await ServerProcess.StartAsync(Path.Combine(data, "models"));
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}

/// <summary>Real photographs through the HTTP API.</summary>
public sealed class RealFaceTests(ServerWithModels models) : IClassFixture<ServerWithModels>
{
    [Fact]
    public async Task All_eight_EXIF_orientations_are_the_same_face()
    {
        ServerProcess server = models.Server;
        string folder = SharedData.Scene("exif_orientation");
        await server.CreateGalleryAsync("orientations");
        await server.EnrolImageAsync("orientations", "astronaut", Path.Combine(folder, "astronaut_o1.jpg"));
        for (int orientation = 1; orientation <= 8; orientation++)
        {
            JsonElement answer = await server.IdentifyImageAsync("orientations", Path.Combine(folder, $"astronaut_o{orientation}.jpg"));
            JsonElement candidate = answer.GetProperty("results")[0].GetProperty("candidates")[0];
            candidate.GetProperty("identity").GetString().ShouldBe("astronaut");
            candidate.GetProperty("score").GetSingle().ShouldBeGreaterThanOrEqualTo(0.99f, $"orientation {orientation}");
            answer.GetProperty("results")[0].GetProperty("decision").GetString().ShouldBe("match");
        }
    }

    [Fact]
    public async Task Twenty_nine_faces_are_found_in_the_Solvay_photograph_and_each_box_is_inside_it()
    {
        byte[] photo = await File.ReadAllBytesAsync(SharedData.Scene("solvay_1927_1024x741.jpg"), TestContext.Current.CancellationToken);
        JsonElement answer = await models.Server.SendAsync(HttpMethod.Post, "/api/v1/detect", new ByteArrayContent(photo));
        answer.GetProperty("width").GetInt32().ShouldBe(1024);
        answer.GetProperty("height").GetInt32().ShouldBe(741);
        answer.GetProperty("faces").GetArrayLength().ShouldBe(29);
        foreach (JsonElement face in answer.GetProperty("faces").EnumerateArray())
        {
            JsonElement box = face.GetProperty("box");
            (box.GetProperty("x").GetSingle() + (box.GetProperty("width").GetSingle() / 2)).ShouldBeInRange(0, 1024);
            (box.GetProperty("y").GetSingle() + (box.GetProperty("height").GetSingle() / 2)).ShouldBeInRange(0, 741);
            face.GetProperty("landmarks").GetArrayLength().ShouldBe(5);
        }
    }

    [Fact]
    public async Task Several_faces_are_refused_with_their_boxes_unless_a_policy_chooses()
    {
        ServerProcess server = models.Server;
        string photo = SharedData.Scene("solvay_1927_1024x741.jpg");
        await server.CreateGalleryAsync("crowd");
        using HttpResponseMessage refused = await server.TrySendAsync(HttpMethod.Post, "/api/v1/galleries/crowd/identities", Api.Multipart("somebody", photo));
        ((int)refused.StatusCode).ShouldBe(422);
        JsonElement problem = JsonDocument.Parse(await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
        problem.GetProperty("type").GetString().ShouldBe("urn:facesearch:problem:several-faces");
        problem.GetProperty("faces").GetArrayLength().ShouldBe(29);
        JsonElement answer = await server.IdentifyImageAsync("crowd", photo);
        answer.GetProperty("results").GetArrayLength().ShouldBe(29);
    }

    [Fact]
    public async Task People_are_recognised_in_another_photograph_and_strangers_are_not()
    {
        ServerProcess server = models.Server;
        string faces = Path.Combine(SharedData.Folder, "faces", "lfw");
        string[] several = [.. Directory.GetDirectories(faces).Order(StringComparer.Ordinal).Where(p => Directory.GetFiles(p).Length >= 2).Take(120)];
        await server.CreateGalleryAsync("some");
        foreach (string person in several[..80])
            await server.EnrolImageAsync("some", Path.GetFileName(person), Photo(person, 1), "?faces=central&onConflict=allow");
        await server.SendAsync(HttpMethod.Post, "/api/v1/galleries/some/calibrate", null);
        int right = 0, strangersMatched = 0;
        foreach (string person in several[..80])
            right += await DecisionAsync(server, Photo(person, 2)) == ("match", Path.GetFileName(person)) ? 1 : 0;
        foreach (string person in several[80..])
            strangersMatched += (await DecisionAsync(server, Photo(person, 1))).Decision == "unknown" ? 0 : 1;
        right.ShouldBeGreaterThanOrEqualTo(74);
        strangersMatched.ShouldBeLessThanOrEqualTo(3);
    }

    private static string Photo(string person, int number) => Path.Combine(person, $"{Path.GetFileName(person)}_{number:d4}.jpg");

    private static async Task<(string Decision, string Identity)> DecisionAsync(ServerProcess server, string photo)
    {
        JsonElement result = (await server.IdentifyImageAsync("some", photo, "?faces=central")).GetProperty("results")[0];
        return (result.GetProperty("decision").GetString()!, result.GetProperty("candidates")[0].GetProperty("identity").GetString()!);
    }
}

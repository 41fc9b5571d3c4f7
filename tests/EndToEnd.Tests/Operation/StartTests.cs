using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Operation;

/// <summary>How the server starts, stops, and refuses to start.</summary>
public sealed class StartTests
{
    private const string AdminKey = "a-long-admin-key-for-this-test-only";

    [Fact]
    public async Task It_says_where_it_listens_and_what_is_in_use_and_stops_cleanly()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        await server.WaitAsync(() => Task.FromResult(server.Output.Contains("Ready.", StringComparison.Ordinal)), TimeSpan.FromSeconds(30));
        server.Output.ShouldContain(server.Url);
        foreach (string line in new[] { "storage ", "detector ", "embedder ", "messages ", "keys " })
            server.Output.ShouldContain(line);
        (await server.StopAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task Beyond_loopback_it_refuses_to_start_without_a_key_and_says_how_to_make_one()
    {
        (int code, string output) = await RunAsync("--urls=http://0.0.0.0:0");
        code.ShouldBe(1);
        output.ShouldContain("no admin key");
        output.ShouldContain("facesearch keys create");
    }

    [Fact]
    public async Task A_demanded_but_missing_CUDA_stops_the_start()
    {
        string data = SharedData.Folder;
        (int code, string output) = await RunAsync("--Silo:Provider=Cuda", $"--Silo:ModelsFolder={Path.Combine(data, "models")}");
        code.ShouldBe(1);
        output.ShouldContain("CUDA", Case.Insensitive);
    }

    [Fact]
    public async Task A_second_server_on_the_same_data_folder_is_refused()
    {
        await using ServerProcess first = await ServerProcess.StartAsync();
        (int code, string output) = await RunAsync($"--Silo:DataFolder={first.DataFolder}");
        code.ShouldBe(1);
        output.ShouldContain(first.DataFolder);
    }

    [Fact]
    public async Task With_a_key_every_call_needs_one_and_roles_are_held()
    {
        await using ServerProcess server = await ServerProcess.StartAsync(null, $"--Silo:AdminKey={AdminKey}");
        using HttpResponseMessage anonymous = await server.TrySendAsync(HttpMethod.Get, "/api/v1/galleries", null);
        anonymous.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await anonymous.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldContain("urn:facesearch:problem:unauthenticated");
        server.Http.DefaultRequestHeaders.Add("X-Api-Key", AdminKey);
        await server.CreateGalleryAsync("guarded");
        JsonElement key = await server.SendAsync(HttpMethod.Post, "/api/v1/keys", JsonContent.Create(new { name = "door", role = "identify" }));
        server.Http.DefaultRequestHeaders.Remove("X-Api-Key");
        server.Http.DefaultRequestHeaders.Add("X-Api-Key", key.GetProperty("key").GetString());
        await server.GetAsync("/api/v1/galleries/guarded");
        using HttpResponseMessage forbidden = await server.TrySendAsync(HttpMethod.Delete, "/api/v1/galleries/guarded", null);
        forbidden.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        server.Output.ShouldNotContain(AdminKey);
    }

    [Fact]
    public async Task A_fresh_clone_answers_by_the_bundled_model_with_a_warning_that_pictures_are_taken_as_thumbnails()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        await server.WaitAsync(() => Task.FromResult(server.Output.Contains("Ready.", StringComparison.Ordinal)), TimeSpan.FromSeconds(30));
        server.Output.ShouldContain("default-128");
        await server.CreateGalleryAsync("fresh");
        await server.EnrolAsync("fresh", "someone", Durability.Synthetic.Face(1));
        (await server.IdentifyAsync("fresh", Durability.Synthetic.Face(1))).GetProperty("results")[0].GetProperty("candidates")[0].GetProperty("identity").GetString().ShouldBe("someone");
        using HttpResponseMessage answer = await server.TrySendAsync(HttpMethod.Post, "/api/v1/galleries/fresh/identify", new ByteArrayContent(Vision.Tests.BadImages.Save(Vision.Tests.BadImages.Pattern(200, 200), ".png")));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldContain("No face detector is installed");
    }

    private static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        string data = Directory.CreateTempSubdirectory("facesearch-start-").FullName;
        try
        {
            ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = data };
            start.ArgumentList.Add(Repository.Assembly("Silo"));
            start.ArgumentList.Add($"--Silo:DataFolder={data}");
            foreach (string argument in arguments)
                start.ArgumentList.Add(argument);
            if (!arguments.Any(a => a.StartsWith("--urls", StringComparison.Ordinal)))
                start.ArgumentList.Add("--urls=http://127.0.0.1:0");
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
            using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output + await error);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }
}

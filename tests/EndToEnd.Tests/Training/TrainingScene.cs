using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Vision;

namespace FaceSearch.EndToEnd.Tests.Training;

/// <summary>Real photographs of a few people, and a folder for models and runs; gone at the end.</summary>
internal sealed class TrainingScene : IDisposable
{
    private const int People = 60, MostImages = 4;

    public string Folder { get; } = Directory.CreateTempSubdirectory("facesearch-train-").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    public static async Task<JsonElement> WaitAsync(ServerProcess server, string run, WorkerProcess worker, Func<JsonElement, bool> condition)
    {
        JsonElement now = default;
        try
        {
            await server.WaitAsync(async () =>
            {
                worker.HasExited.ShouldBeFalse(worker.Output);
                now = await server.GetAsync($"/api/v1/training/runs/{run}");
                return condition(now) || now.TryGetProperty("finishedAt", out _);
            }, TimeSpan.FromMinutes(5));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{now}\n{worker.Output}", e);
        }
        condition(now).ShouldBeTrue($"{now}\n{worker.Output}");
        return now;
    }

    public static async Task EnrolAsync(ServerProcess server)
    {
        int number = 0;
        foreach ((string name, string[] files) in Photographs())
        {
            MultipartFormDataContent form = Api.Multipart(name, files);
            form.Add(new StringContent(JsonSerializer.Serialize(new { team = number++ % 2 == 0 ? "red" : "blue" })), "metadata");
            await server.SendAsync(HttpMethod.Post, "/api/v1/galleries/people/identities?faces=central&onConflict=allow", form);
        }
    }

    public static IEnumerable<(string Name, string[] Files)> Photographs() => Directory.EnumerateDirectories(SharedData.Faces)
        .Order(StringComparer.Ordinal)
        .Select(folder => (Name: Path.GetFileName(folder), Files: Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).Take(MostImages).ToArray()))
        .Where(person => person.Files.Length == MostImages)
        .Take(People);

    /// <summary>The models in a folder that the server may write to.</summary>
    public string Models()
    {
        string folder = Path.Combine(Folder, "server-models");
        foreach (InstalledModel model in new ModelStore(SharedData.Models).List())
            new ModelStore(folder).Import(model.Path, model.Manifest);
        return folder;
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;
using FaceSearch.Vision.Tests;

namespace FaceSearch.EndToEnd.Tests.Backups;

/// <summary>People enrolled by pictures into a gallery that keeps them; every third is erased again.</summary>
internal sealed class FaceLoad(ServerProcess server) : IDisposable
{
    public const string Gallery = "faces";
    private const int EraseEvery = 3;
    private readonly string _folder = Directory.CreateTempSubdirectory("facesearch-pictures-").FullName;
    private readonly ConcurrentDictionary<string, TemplateId> _kept = new(), _erased = new();
    private int _next;

    /// <summary>Templates that were acknowledged and stay.</summary>
    public Dictionary<string, TemplateId> Kept() => new(_kept);

    /// <summary>Templates whose erasure was acknowledged.</summary>
    public Dictionary<string, TemplateId> Erased() => new(_erased);

    public async Task WorkAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
            await StepAsync();
    }

    public async Task StepAsync()
    {
        int number = Interlocked.Increment(ref _next);
        string name = Api.Name(number), file = Path.Combine(_folder, $"{number}.png");
        await File.WriteAllBytesAsync(file, BadImages.Save(BadImages.Pattern(160 + (4 * (number % 40)), 160 + (4 * (number / 40 % 40))), ".png"));
        using HttpResponseMessage answer = await server.TrySendAsync(HttpMethod.Post, $"/api/v1/galleries/{Gallery}/identities?onConflict=allow", Api.Multipart(name, file));
        if (IsLate(answer))
            return;
        string body = await answer.Content.ReadAsStringAsync();
        answer.StatusCode.ShouldBe(HttpStatusCode.Created, body);
        JsonElement enrolled = JsonDocument.Parse(body).RootElement;
        TemplateId template = Template(enrolled.GetProperty("templates")[0].GetProperty("id").GetString()!);
        if (number % EraseEvery != 0)
        {
            _kept[name] = template;
            return;
        }
        using HttpResponseMessage erased = await server.TrySendAsync(HttpMethod.Delete, $"/api/v1/galleries/{Gallery}/identities/{name}", null);
        if (IsLate(erased))
            return;
        erased.StatusCode.ShouldBe(HttpStatusCode.OK);
        _erased[name] = template;
    }

    /// <summary>Without an answer in time nothing is known, and nothing is promised.</summary>
    private static bool IsLate(HttpResponseMessage answer) => answer.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout or HttpStatusCode.TooManyRequests;

    public static TemplateId Template(string text) => TemplateId.TryParse(text, out TemplateId id) ? id : throw new FormatException(text);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

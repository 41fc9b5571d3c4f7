using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Reembedding;

/// <summary>Re-embedding over HTTP, and what the size of a run is set by.</summary>
internal static class Move
{
    public static int Setting(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    /// <summary>Pictures of distinct people first, in a fixed order.</summary>
    public static string[] Pictures() => [.. Directory.GetFiles(SharedData.Faces, "*.jpg", SearchOption.AllDirectories)
        .OrderBy(f => f[^8..], StringComparer.Ordinal).ThenBy(f => f, StringComparer.Ordinal)];

    public static Task<JsonElement> StartMoveAsync(this ServerProcess server, string gallery, string model, double maxMissingShare = 0) =>
        server.SendAsync(HttpMethod.Post, $"/api/v1/galleries/{gallery}/reembedding", JsonContent.Create(new { model, maxMissingShare }));

    public static async Task<JsonElement> UntilAsync(this ServerProcess server, string gallery, string phase, TimeSpan limit)
    {
        JsonElement status = default;
        await server.WaitAsync(async () =>
        {
            using HttpResponseMessage answer = await server.TrySendAsync(HttpMethod.Get, $"/api/v1/galleries/{gallery}/reembedding", null);
            string text = await answer.Content.ReadAsStringAsync();
            if (answer.StatusCode == System.Net.HttpStatusCode.NotFound)
                return false; // The event that starts it is on its way.
            answer.IsSuccessStatusCode.ShouldBeTrue(text);
            status = JsonDocument.Parse(text).RootElement;
            string now = status.GetProperty("phase").GetString()!;
            if (now != phase && now is "refused" or "cancelled")
                throw new InvalidOperationException(status.ToString());
            return now == phase;
        }, limit);
        return status;
    }

    public static async Task<HashSet<string>> PeopleAsync(this ServerProcess server, string gallery)
    {
        HashSet<string> people = [];
        string? after = null;
        do
        {
            JsonElement page = await server.GetAsync($"/api/v1/galleries/{gallery}/identities?limit=1000{(after is null ? "" : "&after=" + Uri.EscapeDataString(after))}");
            foreach (JsonElement identity in page.GetProperty("items").EnumerateArray())
            {
                people.Add(identity.GetProperty("id").GetString()!).ShouldBeTrue();
                identity.GetProperty("templates").GetArrayLength().ShouldBe(1, "a doubled or half-applied enrolment");
            }
            after = page.TryGetProperty("next", out JsonElement more) ? more.GetString() : null;
        }
        while (after is not null);
        return people;
    }
}

using System.Text.Json;
using System.Text.Json.Nodes;
using FaceSearch.Gateway.Problems;

namespace FaceSearch.Gateway.Tests;

[Collection(ServerCollection.Name)]
public sealed class OpenApiTests(ServerFixture fixture)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>With FACESEARCH_WRITE_OPENAPI=1 it writes the file instead.</summary>
    [Fact]
    public async Task The_committed_document_is_what_the_server_serves()
    {
        string served = JsonNode.Parse(await DocumentAsync())!.ToJsonString(Indented) + "\n";
        string path = Path.Combine(Repository(), "docs", "openapi.json");
        if (Environment.GetEnvironmentVariable("FACESEARCH_WRITE_OPENAPI") == "1")
            await File.WriteAllTextAsync(path, served);
        (await File.ReadAllTextAsync(path)).ShouldBe(served, "Run this test once with FACESEARCH_WRITE_OPENAPI=1 and commit docs/openapi.json.");
    }

    [Fact]
    public async Task Every_operation_is_described_and_says_how_it_fails()
    {
        JsonNode document = JsonNode.Parse(await DocumentAsync())!;
        int operations = 0;
        foreach ((string path, JsonNode? item) in document["paths"]!.AsObject())
        {
            foreach ((string method, JsonNode? operation) in item!.AsObject().Where(o => o.Key is "get" or "put" or "post" or "patch" or "delete"))
            {
                operations++;
                string name = $"{method} {path}";
                operation!["operationId"].ShouldNotBeNull(name);
                operation["summary"].ShouldNotBeNull(name);
                operation["description"].ShouldNotBeNull(name);
                if (path.StartsWith("/api/v1/", StringComparison.Ordinal) && path != "/api/v1/version")
                {
                    operation["security"].ShouldNotBeNull(name);
                    operation["responses"]!["401"]!["content"]!["application/problem+json"]!["schema"].ShouldNotBeNull(name);
                }
                if (method is "put" or "post" or "patch" && !path.EndsWith("/calibrate", StringComparison.Ordinal)
                    && !path.EndsWith("/{backup}/check", StringComparison.Ordinal)
                    && !path.EndsWith("/reembedding/rollback", StringComparison.Ordinal) && !path.EndsWith("/reembedding/retire", StringComparison.Ordinal))
                    operation["requestBody"]!["content"].ShouldNotBeNull(name);
            }
        }
        operations.ShouldBeGreaterThan(24);
        document["components"]!["securitySchemes"]!["apiKey"].ShouldNotBeNull();
        document["components"]!["schemas"]!["Problem"].ShouldNotBeNull();
    }

    [Fact]
    public async Task A_member_that_is_left_out_when_null_is_not_required()
    {
        JsonNode schemas = JsonNode.Parse(await DocumentAsync())!["components"]!["schemas"]!;
        string[] Required(string type) => [.. schemas[type]!["required"]!.AsArray().Select(n => n!.GetValue<string>())];
        Required("FaceResult").ShouldBe(["decision", "candidates", "threshold", "margin"]);
        Required("IdentityPage").ShouldBe(["items"]);
        Required("Problem").ShouldBe(["type", "title", "status", "detail"]);
    }

    [Fact]
    public void Every_problem_type_has_a_title_and_a_status()
    {
        string[] all = [.. typeof(ProblemTypes).GetFields().Where(f => f.Name != nameof(ProblemTypes.Prefix)).Select(f => (string)f.GetRawConstantValue()!)];
        ProblemTitles.All.ShouldBe(all, ignoreOrder: true);
    }

    [Fact]
    public async Task The_guide_names_every_operation_and_every_problem()
    {
        string guide = await File.ReadAllTextAsync(Path.Combine(Repository(), "docs", "api.md"));
        foreach (string problem in ProblemTitles.All)
            guide.ShouldContain($"`{problem}`");
        foreach ((string path, _) in JsonNode.Parse(await DocumentAsync())!["paths"]!.AsObject())
            guide.ShouldContain(path.Replace("/api/v1", "", StringComparison.Ordinal));
    }

    private async Task<string> DocumentAsync() => await fixture.Server.Client.GetStringAsync(new Uri("/openapi/v1.json", UriKind.Relative));

    private static string Repository()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FaceSearch.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("The repository was not found above the test.");
    }
}

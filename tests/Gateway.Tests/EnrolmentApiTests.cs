using System.Net;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

[Collection(ServerCollection.Name)]
public sealed class EnrolmentApiTests(ServerFixture fixture)
{
    private readonly HttpClient _client = fixture.Server.Client;

    [Fact]
    public async Task An_enrolled_embedding_is_found_at_once_and_a_stranger_is_not()
    {
        string gallery = await fixture.Server.GalleryAsync("enrol-find");
        EnrolResponse enrolled = await EnrolAsync(gallery, new EnrolRequest { Identity = "ada", Embeddings = [Vectors.Of(1)], Metadata = new Dictionary<string, string> { ["team"] = "engines" } });
        enrolled.Status.ShouldBe(EnrolStatus.Enrolled);
        enrolled.Templates.ShouldHaveSingleItem().Image.ShouldBe(0);
        enrolled.OperationId.ShouldNotBeEmpty();

        IdentifyResponse found = await IdentifyAsync(gallery, new IdentifyRequest { Embedding = Vectors.Near(1, 0.9f) });
        FaceResult result = found.Results.ShouldHaveSingleItem();
        result.Decision.ShouldBe(Decision.Match);
        result.Face.ShouldBeNull();
        result.Candidates[0].Identity.ShouldBe("ada");
        result.Candidates[0].Metadata["team"].ShouldBe("engines");
        result.Candidates[0].BestTemplate.ShouldBe(enrolled.Templates[0].Id);
        result.Threshold.Fmr.ShouldBeGreaterThan(0);
        (found.ShardsAnswered, found.ShardsTotal).ShouldBe((1, 1));

        (await IdentifyAsync(gallery, new IdentifyRequest { Embedding = Vectors.Of(2) })).Results[0].Decision.ShouldBe(Decision.Unknown);
    }

    [Fact]
    public async Task The_same_operation_id_enrols_once()
    {
        string gallery = await fixture.Server.GalleryAsync("enrol-once");
        EnrolRequest request = new() { Embeddings = [Vectors.Of(3)] };
        EnrolResponse first = await SendAsync(gallery, request, "op-1").ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);
        EnrolResponse again = await SendAsync(gallery, request, "op-1").ReadAsync(FaceSearchJson.Default.EnrolResponse);
        again.Status.ShouldBe(EnrolStatus.Replayed);
        again.Identity.ShouldBe(first.Identity);
        again.Templates.Select(t => t.Id).ShouldBe(first.Templates.Select(t => t.Id));
        Problem reused = await SendAsync(gallery, new EnrolRequest { Identity = first.Identity, Embeddings = [Vectors.Of(4)] }, "op-1").ProblemAsync(409, ProblemTypes.OperationReused);
        reused.OperationId.ShouldBe("op-1");
    }

    [Fact]
    public async Task Someone_who_looks_like_another_is_a_conflict_unless_it_is_allowed()
    {
        string gallery = await fixture.Server.GalleryAsync("enrol-conflict");
        await EnrolAsync(gallery, new EnrolRequest { Identity = "ada", Embeddings = [Vectors.Of(5)] });
        EnrolRequest twin = new() { Identity = "bea", Embeddings = [Vectors.Near(5, 0.95f)] };
        Problem conflict = await SendAsync(gallery, twin).ProblemAsync(409, ProblemTypes.EnrolmentConflict);
        EnrolmentConflict one = conflict.Conflicts.ShouldNotBeNull().ShouldHaveSingleItem();
        (one.Kind, one.Identity).ShouldBe((ConflictKind.LooksLikeExisting, "ada"));
        one.Score.ShouldBe(0.95f, 0.05f);
        Problem duplicate = await SendAsync(gallery, new EnrolRequest { Identity = "ada", Embeddings = [Vectors.Of(5)] }).ProblemAsync(409, ProblemTypes.EnrolmentConflict);
        duplicate.Conflicts!.ShouldContain(c => c.Kind == ConflictKind.NearDuplicate);
        (await EnrolAsync(gallery, twin with { OnConflict = ConflictPolicy.Allow })).Status.ShouldBe(EnrolStatus.Enrolled);
    }

    [Fact]
    public async Task Metadata_changes_only_at_the_expected_version_and_erasure_leaves_nothing()
    {
        string gallery = await fixture.Server.GalleryAsync("enrol-change");
        EnrolResponse enrolled = await EnrolAsync(gallery, new EnrolRequest { Identity = "Zoë & co", Embeddings = [Vectors.Of(6), Vectors.Of(7)] });
        string path = $"/api/v1/galleries/{gallery}/identities/{Uri.EscapeDataString("Zoë & co")}";
        IdentityDescription changed = await MetadataAsync(path, enrolled.Version).ReadAsync(FaceSearchJson.Default.IdentityDescription);
        changed.Metadata["badge"].ShouldBe("1815");
        changed.Version.ShouldBe(enrolled.Version + 1);
        await MetadataAsync(path, enrolled.Version, "other-operation").ProblemAsync(409, ProblemTypes.VersionConflict);

        ErasureReceipt one = await _client.DeleteAsync(new Uri($"{path}/templates/{enrolled.Templates[0].Id}", UriKind.Relative)).ReadAsync(FaceSearchJson.Default.ErasureReceipt);
        one.TemplatesErased.ShouldBe(1);
        ErasureReceipt all = await _client.DeleteAsync(new Uri(path, UriKind.Relative)).ReadAsync(FaceSearchJson.Default.ErasureReceipt);
        all.TemplatesErased.ShouldBe(1);
        await _client.GetAsync(new Uri(path, UriKind.Relative)).ProblemAsync(404, ProblemTypes.IdentityNotFound);
        (await IdentifyAsync(gallery, new IdentifyRequest { Embedding = Vectors.Of(7) })).Results[0].Candidates.ShouldBeEmpty();
    }

    [Fact]
    public async Task Pages_of_identities_join_to_the_whole_in_order()
    {
        string gallery = await fixture.Server.GalleryAsync("enrol-pages");
        for (int i = 0; i < 7; i++)
            await EnrolAsync(gallery, new EnrolRequest { Identity = $"p{i}", Embeddings = [Vectors.Of(100 + i)] });
        List<string> seen = [];
        string? after = null;
        do
        {
            IdentityPage page = await _client.GetAsync(new Uri($"/api/v1/galleries/{gallery}/identities?limit=3" + (after is null ? "" : $"&after={after}"), UriKind.Relative)).ReadAsync(FaceSearchJson.Default.IdentityPage);
            seen.AddRange(page.Items.Select(i => i.Id));
            after = page.Next;
        }
        while (after is not null);
        seen.ShouldBe(["p0", "p1", "p2", "p3", "p4", "p5", "p6"]);
        await _client.GetAsync(new Uri($"/api/v1/galleries/{gallery}/identities?limit=0", UriKind.Relative)).ProblemAsync(400, ProblemTypes.InvalidRequest);
        await _client.GetAsync(new Uri($"/api/v1/galleries/{gallery}/identities?offset=3", UriKind.Relative)).ProblemAsync(400, ProblemTypes.InvalidRequest);
    }

    [Theory]
    [InlineData("{}", "nothing to enrol")]
    [InlineData("""{"identity":"a/b","embeddings":[]}""", "nothing to enrol")]
    [InlineData("""{"identity":"a/b","images":["AAAA"]}""", "'identity'")]
    [InlineData("""{"images":["AAAA"],"metadata":{"":"x"}}""", "metadata")]
    [InlineData("""{"images":["AAAA"],"faces":"biggest"}""", "faces")]
    [InlineData("""{"embeddings":[[1,2]]}""", "128 components; got 2")]
    [InlineData("""{"images":["%%%"]}""", "images")]
    [InlineData("""{"images":[null]}""", "null")]
    public async Task A_bad_enrolment_is_a_400_that_names_what_is_wrong(string json, string named)
    {
        string gallery = await fixture.Server.GalleryAsync("enrol-bad-" + Guid.NewGuid().ToString("n")[..8]);
        Problem problem = await _client.PostAsync(new Uri($"/api/v1/galleries/{gallery}/identities", UriKind.Relative), GalleryApiTests.Body(json)).ProblemAsync(400, ProblemTypes.InvalidRequest);
        problem.Detail.ShouldContain(named);
    }

    [Fact]
    public async Task An_image_for_a_gallery_of_ready_embeddings_is_refused()
    {
        string gallery = await fixture.Server.GalleryAsync("enrol-external");
        Problem problem = await SendAsync(gallery, new EnrolRequest { Images = [[1, 2, 3]] }).ProblemAsync(400, ProblemTypes.InvalidRequest);
        problem.Detail.ShouldContain("external");
    }

    private Task<EnrolResponse> EnrolAsync(string gallery, EnrolRequest request) => SendAsync(gallery, request).ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);

    private Task<HttpResponseMessage> SendAsync(string gallery, EnrolRequest request, string? operation = null)
    {
        HttpRequestMessage message = new(HttpMethod.Post, $"/api/v1/galleries/{gallery}/identities")
        {
            Content = System.Net.Http.Json.JsonContent.Create(request, FaceSearchJson.Default.EnrolRequest),
        };
        if (operation is not null)
            message.Headers.Add(HttpApi.OperationHeader, operation);
        return _client.SendAsync(message);
    }

    private Task<IdentifyResponse> IdentifyAsync(string gallery, IdentifyRequest request) =>
        _client.PostAsync($"/api/v1/galleries/{gallery}/identify", request, FaceSearchJson.Default.IdentifyRequest).ReadAsync(FaceSearchJson.Default.IdentifyResponse);

    private Task<HttpResponseMessage> MetadataAsync(string path, long version, string operation = "metadata-1")
    {
        HttpRequestMessage message = new(HttpMethod.Put, path + "/metadata") { Content = GalleryApiTests.Body("""{"badge":"1815"}""") };
        message.Headers.Add("If-Match", $"\"{version}\"");
        message.Headers.Add(HttpApi.OperationHeader, operation);
        return _client.SendAsync(message);
    }
}

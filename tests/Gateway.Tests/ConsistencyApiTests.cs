using System.Net;
using System.Net.Http.Json;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

/// <summary>What writes give out and reads take so that they see them, and the number of replicas.</summary>
[Collection(ServerCollection.Name)]
public sealed class ConsistencyApiTests(ServerFixture fixture)
{
    private readonly HttpClient _client = fixture.Server.Client;

    [Fact]
    public async Task Every_write_answers_with_a_token_that_identification_and_verification_take()
    {
        string gallery = await fixture.Server.GalleryAsync("tokens"), people = $"/api/v1/galleries/{gallery}/identities";
        EnrolResponse enrolled = await _client.PostAsync(people, new EnrolRequest { Identity = "ada", Embeddings = [Vectors.Of(21)] }, FaceSearchJson.Default.EnrolRequest)
            .ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);
        IdentityDescription updated = await _client.PutAsync($"{people}/ada/metadata", new Dictionary<string, string> { ["team"] = "engines" }, FaceSearchJson.Default.DictionaryStringString)
            .ReadAsync(FaceSearchJson.Default.IdentityDescription);
        string tokens = $"{enrolled.ConsistencyToken.ShouldNotBeNull()},{updated.ConsistencyToken.ShouldNotBeNull()}";
        // A look gives none.
        (await _client.GetStringAsync(new Uri($"{people}/ada", UriKind.Relative))).ShouldNotContain("consistencyToken");
        foreach (ReadConsistency? consistency in new ReadConsistency?[] { null, ReadConsistency.Latest, ReadConsistency.Bounded })
        {
            IdentifyResponse found = await AskAsync(gallery, tokens, consistency).ReadAsync(FaceSearchJson.Default.IdentifyResponse);
            (found.Results[0].Candidates[0].Identity, found.ReplicasAnswered).ShouldBe(("ada", 0));
        }
        await VerifyAsync(gallery, tokens).ReadAsync(FaceSearchJson.Default.IdentityVerifyResponse);
        ErasureReceipt erased = await _client.DeleteAsync(new Uri($"{people}/ada", UriKind.Relative)).ReadAsync(FaceSearchJson.Default.ErasureReceipt);
        IdentifyResponse gone = await AskAsync(gallery, erased.ConsistencyToken.ShouldNotBeNull(), ReadConsistency.Bounded).ReadAsync(FaceSearchJson.Default.IdentifyResponse);
        gone.Results[0].Candidates.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_token_of_another_gallery_or_of_changes_that_are_not_there_is_a_400()
    {
        string one = await fixture.Server.GalleryAsync("tokens-one"), other = await fixture.Server.GalleryAsync("tokens-other");
        string foreign = new ConsistencyToken(new ShardId(other, 1, 0), 1).ToString(), ahead = new ConsistencyToken(new ShardId(one, 1, 0), 1_000_000).ToString();
        string nowhere = new ConsistencyToken(new ShardId(one, 1, 9), 1).ToString();
        await _client.PostAsync($"/api/v1/galleries/{one}/identities", new EnrolRequest { Identity = "ada", Embeddings = [Vectors.Of(21)] }, FaceSearchJson.Default.EnrolRequest)
            .ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);
        foreach (string wrong in new[] { "what", foreign, ahead, nowhere, foreign + "," + ahead })
            await AskAsync(one, wrong, null).ProblemAsync(400, ProblemTypes.InvalidRequest);
        foreach (string wrong in new[] { "what", foreign, ahead })
            await VerifyAsync(one, wrong).ProblemAsync(400, ProblemTypes.InvalidRequest);
        await _client.PostAsync(new Uri($"/api/v1/galleries/{one}/identify", UriKind.Relative),
            JsonContent.Create(new { embedding = Convert.ToBase64String(Vectors.Of(21).Bytes), consistency = "stale" })).ProblemAsync(400, ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task The_number_of_replicas_is_a_setting_of_the_gallery_from_0_to_3()
    {
        Uri gallery = new($"/api/v1/galleries/{await fixture.Server.GalleryAsync("replicated")}", UriKind.Relative);
        (await _client.GetAsync(gallery).ReadAsync(FaceSearchJson.Default.GalleryDescription)).Settings.Replicas.ShouldBe(0);
        (await ChangeAsync(2).ReadAsync(FaceSearchJson.Default.GalleryDescription)).Settings.Replicas.ShouldBe(2);
        (await _client.PatchAsJsonAsync(gallery, new GalleryRequest { Description = "another" }, FaceSearchJson.Default.GalleryRequest).ReadAsync(FaceSearchJson.Default.GalleryDescription)).Settings.Replicas.ShouldBe(2);
        foreach (int wrong in new[] { -1, 4 })
            (await ChangeAsync(wrong).ProblemAsync(400, ProblemTypes.InvalidRequest)).Detail.ShouldContain("replicas must be 0 to 3");

        Task<HttpResponseMessage> ChangeAsync(int replicas) => _client.PatchAsJsonAsync(gallery, new GalleryRequest { Replicas = replicas }, FaceSearchJson.Default.GalleryRequest);
    }

    private Task<HttpResponseMessage> AskAsync(string gallery, string tokens, ReadConsistency? consistency) => _client.PostAsync($"/api/v1/galleries/{gallery}/identify",
        new IdentifyRequest { Embedding = Vectors.Of(21), Consistency = consistency, ConsistencyToken = tokens }, FaceSearchJson.Default.IdentifyRequest);

    private Task<HttpResponseMessage> VerifyAsync(string gallery, string tokens) => _client.PostAsync($"/api/v1/galleries/{gallery}/identities/ada/verify",
        new IdentityVerifyRequest { Embedding = Vectors.Of(21), ConsistencyToken = tokens }, FaceSearchJson.Default.IdentityVerifyRequest);
}

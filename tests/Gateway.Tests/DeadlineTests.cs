using System.Net;
using FaceSearch.Gateway.Security;
using FaceSearch.Gateway.Tests.Security;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

/// <summary>What counts towards a request's deadline.</summary>
public sealed class DeadlineTests
{
    [Fact]
    public async Task The_deadline_begins_when_the_request_arrives_not_when_the_keys_have_come()
    {
        KeyTrouble trouble = new();
        await using TestServer server = await TestServer.StartAsync(calls: trouble);
        await server.GalleryAsync("g");
        await server.Client.PostAsync("/api/v1/galleries/g/identities", new EnrolRequest { Identity = "ada", Embeddings = [Vectors.Of(1)] }, FaceSearchJson.Default.EnrolRequest)
            .ReadAsync(FaceSearchJson.Default.EnrolResponse, HttpStatusCode.Created);
        trouble.Before = () => Task.Delay(TimeSpan.FromMilliseconds(900));

        server.Service<ApiKeyRing>().Forget();
        Problem late = await IdentifyAsync(600).ProblemAsync(504, ProblemTypes.DeadlineExceeded);
        late.Detail.ShouldStartWith("The answer was not ready within 600 ms");
        server.Service<ApiKeyRing>().Forget();
        IdentifyResponse inTime = await IdentifyAsync(20_000).ReadAsync(FaceSearchJson.Default.IdentifyResponse);
        inTime.Results[0].Candidates[0].Identity.ShouldBe("ada");

        Task<HttpResponseMessage> IdentifyAsync(int timeout) =>
            server.Client.PostAsync("/api/v1/galleries/g/identify", new IdentifyRequest { Embedding = Vectors.Of(1), TimeoutMs = timeout }, FaceSearchJson.Default.IdentifyRequest);
    }
}

using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests;

[Collection(ServerCollection.Name)]
public sealed class BulkApiTests(ServerFixture fixture)
{
    private readonly HttpClient _client = fixture.Server.Client;

    [Fact]
    public async Task Every_item_gets_one_answer_and_sending_it_all_again_changes_nothing()
    {
        string gallery = await fixture.Server.GalleryAsync("bulk-many");
        BulkItem[] items = [.. Enumerable.Range(0, 1_500).Select(i => new BulkItem { OperationId = $"op-{i}", Identity = $"p{i}", Embedding = Vectors.Of(10_000 + i) })];
        List<BulkLine> first = await SendAsync(gallery, Lines(items));
        first.Count.ShouldBe(items.Length + 1);
        first.SkipLast(1).ShouldAllBe(l => l.Status == BulkItemStatus.Enrolled && l.Identity == "p" + l.Index && l.OperationId == "op-" + l.Index);
        first.SkipLast(1).Select(l => l.Index!.Value).Order().ShouldBe(Enumerable.Range(0, items.Length).Select(i => (long)i));
        BulkSummary summary = first[^1].Summary.ShouldNotBeNull();
        (summary.Items, summary.Enrolled, summary.Templates).ShouldBe((items.Length, items.Length, items.Length));

        List<BulkLine> again = await SendAsync(gallery, Lines(items));
        again[^1].Summary!.Replayed.ShouldBe(items.Length);
        again[^1].Summary!.Templates.ShouldBe(0);
        GalleryDescription now = await _client.GetAsync(new Uri($"/api/v1/galleries/{gallery}", UriKind.Relative)).ReadAsync(FaceSearchJson.Default.GalleryDescription);
        (now.Identities, now.Templates).ShouldBe((items.Length, items.Length));
    }

    [Fact]
    public async Task Bad_items_are_rejected_one_by_one_and_the_rest_enrolled()
    {
        string gallery = await fixture.Server.GalleryAsync("bulk-bad");
        string good = Lines([new BulkItem { OperationId = "good", Identity = "ada", Embedding = Vectors.Of(1) }]);
        string text = good + "{oops}\n" + """{"identity":"x"}""" + "\n"
            + Lines([new BulkItem { Identity = "no-id", Embedding = Vectors.Of(2) }, new BulkItem { OperationId = "bad id", Embedding = Vectors.Of(3) }]);
        List<BulkLine> lines = await SendAsync(gallery, text);
        lines.Count.ShouldBe(6);
        lines.Single(l => l.Index == 0).Status.ShouldBe(BulkItemStatus.Enrolled);
        foreach (BulkLine line in lines.Where(l => l.Index > 0))
        {
            line.Status.ShouldBe(BulkItemStatus.Rejected);
            line.Problem!.Slug.ShouldBe(ProblemTypes.InvalidRequest);
        }
        (lines[^1].Summary!.Enrolled, lines[^1].Summary!.Rejected).ShouldBe((1, 4));
    }

    [Fact]
    public async Task A_conflict_is_answered_as_such()
    {
        string gallery = await fixture.Server.GalleryAsync("bulk-conflict");
        await SendAsync(gallery, Lines([new BulkItem { OperationId = "1", Identity = "ada", Embedding = Vectors.Of(1) }]));
        List<BulkLine> lines = await SendAsync(gallery, Lines([new BulkItem { OperationId = "2", Identity = "bea", Embedding = Vectors.Near(1, 0.97f) }]));
        lines[0].Status.ShouldBe(BulkItemStatus.Conflict);
        lines[0].Problem!.Conflicts!.ShouldHaveSingleItem().Identity.ShouldBe("ada");
    }

    [Fact]
    public async Task A_gallery_that_is_not_there_or_another_media_type_is_a_plain_problem()
    {
        await PostAsync("nowhere", "{}\n", HttpApi.NdjsonMediaType).ProblemAsync(404, ProblemTypes.GalleryNotFound);
        string gallery = await fixture.Server.GalleryAsync("bulk-media");
        await PostAsync(gallery, "{}\n", "text/plain").ProblemAsync(415, ProblemTypes.InvalidRequest);
    }

    [Fact]
    public async Task Answers_come_while_items_are_still_being_sent()
    {
        string gallery = await fixture.Server.GalleryAsync("bulk-duplex");
        TaskCompletionSource answered = new();
        using StreamedContent content = new(async stream =>
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(Lines([new BulkItem { OperationId = "1", Identity = "a", Embedding = Vectors.Of(1) }])));
            await stream.FlushAsync();
            await answered.Task.WaitAsync(TimeSpan.FromSeconds(20));
            await stream.WriteAsync(Encoding.UTF8.GetBytes(Lines([new BulkItem { OperationId = "2", Identity = "b", Embedding = Vectors.Of(2) }])));
        });
        // HttpClient reads before it has sent everything only when it is told that it may have to (Expect: 100-continue) or over HTTP/2;
        // a plain socket shows what the server does.
        await using RawRequest raw = await RawRequest.OpenAsync(fixture.Server.Address, $"/api/v1/galleries/{gallery}/bulk", HttpApi.NdjsonMediaType);
        Task sending = raw.SendChunksAsync(content);
        string first = await raw.ReadUntilAsync("\"status\":\"enrolled\"");
        first.ShouldContain("\"operationId\":\"1\"");
        answered.SetResult();
        await sending;
        (await raw.ReadUntilAsync("\"summary\"")).ShouldContain("\"operationId\":\"2\"");
    }

    [Fact]
    public async Task A_form_with_a_file_that_names_nobody_is_rejected_and_a_cut_off_form_says_so()
    {
        string gallery = await fixture.Server.GalleryAsync("bulk-form");
        using MultipartFormDataContent form = new() { { new ByteArrayContent([1, 2, 3]), "file", "nobody.jpg" } };
        List<BulkLine> lines = Parse(await (await _client.PostAsync(new Uri($"/api/v1/galleries/{gallery}/bulk", UriKind.Relative), form)).Content.ReadAsStringAsync());
        lines[0].Status.ShouldBe(BulkItemStatus.Rejected);
        lines[0].Problem!.Detail.ShouldContain("<identity>/<file>");

        using StringContent cut = new("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a/b.jpg\"\r\n\r\nabc");
        cut.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=b");
        lines = Parse(await (await _client.PostAsync(new Uri($"/api/v1/galleries/{gallery}/bulk", UriKind.Relative), cut)).Content.ReadAsStringAsync());
        lines[^1].Problem!.Detail.ShouldContain("cut off");
        lines[^1].Summary.ShouldNotBeNull();
    }

    internal static string Lines(IEnumerable<BulkItem> items)
    {
        StringBuilder text = new();
        foreach (BulkItem item in items)
            text.Append(CultureInfo.InvariantCulture, $"{JsonSerializer.Serialize(item, FaceSearchJson.Default.BulkItem)}\n");
        return text.ToString();
    }

    internal static List<BulkLine> Parse(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonSerializer.Deserialize(l, FaceSearchJson.Default.BulkLine)!)];

    private async Task<List<BulkLine>> SendAsync(string gallery, string text)
    {
        using HttpResponseMessage response = await PostAsync(gallery, text, HttpApi.NdjsonMediaType);
        response.Content.Headers.ContentType!.MediaType.ShouldBe(HttpApi.NdjsonMediaType, await response.Content.ReadAsStringAsync());
        return Parse(await response.Content.ReadAsStringAsync());
    }

    private Task<HttpResponseMessage> PostAsync(string gallery, string text, string mediaType) =>
        _client.PostAsync(new Uri($"/api/v1/galleries/{gallery}/bulk", UriKind.Relative), new StringContent(text, Encoding.UTF8, mediaType));
}

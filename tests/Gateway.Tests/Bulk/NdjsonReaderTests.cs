using System.IO.Pipelines;
using System.Text;
using FaceSearch.Gateway.Bulk;

namespace FaceSearch.Gateway.Tests.Bulk;

public sealed class NdjsonReaderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4096)]
    public async Task Lines_come_out_whole_however_the_bytes_arrive(int chunk)
    {
        string embedding = Convert.ToBase64String(Vectors.Of(1).Bytes);
        string text = $$"""{"operationId":"a","embedding":"{{embedding}}"}""" + "\r\n\n   \n" + """{"operationId":"b","identity":"Zoë"}""";
        List<BulkRead> read = await ReadAsync(text, chunk, 4096);
        read.Count.ShouldBe(2);
        read[0].Item!.OperationId.ShouldBe("a");
        read[0].Item!.Embedding!.Bytes.SequenceEqual(Vectors.Of(1).Bytes).ShouldBeTrue();
        read[1].Item!.Identity.ShouldBe("Zoë");
    }

    [Fact]
    public async Task A_bad_line_is_a_problem_of_its_own()
    {
        List<BulkRead> read = await ReadAsync("{\"operationId\":\"a\"}\n{oops}\n[]\n{\"operationId\":\"b\"} {\"operationId\":\"c\"}\n{\"unheardOf\":1}\n{\"operationId\":\"d\"}\n", 7, 4096);
        read.Select(r => r.Item?.OperationId).ShouldBe(["a", null, null, null, null, "d"]);
        read.Count(r => r.Item is null).ShouldBe(4);
        read.Where(r => r.Item is null).ShouldAllBe(r => r.Problem!.Slug == ProblemTypes.InvalidRequest);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(100_000)]
    public async Task A_line_over_the_limit_is_dropped_and_the_next_one_read(int chunk)
    {
        string text = "{\"operationId\":\"" + new string('x', 10_000) + "\"}\n{\"operationId\":\"b\"}\n{\"operationId\":\"" + new string('y', 10_000);
        List<BulkRead> read = await ReadAsync(text, chunk, 1_000);
        read.Select(r => r.Problem?.Slug).ShouldBe([ProblemTypes.TooLarge, null, ProblemTypes.TooLarge]);
        read[1].Item!.OperationId.ShouldBe("b");
    }

    [Fact]
    public async Task An_empty_body_has_no_items() => (await ReadAsync("", 1, 100)).ShouldBeEmpty();

    private static async Task<List<BulkRead>> ReadAsync(string text, int chunk, int maxLine)
    {
        Pipe pipe = new();
        Task writing = Task.Run(async () =>
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            for (int i = 0; i < bytes.Length; i += chunk)
                await pipe.Writer.WriteAsync(bytes.AsMemory(i, Math.Min(chunk, bytes.Length - i)));
            await pipe.Writer.CompleteAsync();
        });
        NdjsonReader reader = new(pipe.Reader, maxLine);
        List<BulkRead> read = [];
        while (await reader.NextAsync(TestContext.Current.CancellationToken) is { } line)
            read.Add(line);
        await writing;
        return read;
    }
}

using System.Text.Json;
using FaceSearch.Http;

namespace FaceSearch.Gateway.Tests.Input;

public sealed class EmbeddingJsonTests
{
    [Fact]
    public void Base64_and_numbers_give_the_same_embedding()
    {
        Embedding original = Vectors.Of(3);
        string numbers = JsonSerializer.Serialize(original.Values.ToArray());
        Embedding a = Read(numbers), b = Read(JsonSerializer.Serialize(original));
        a.Bytes.SequenceEqual(original.Bytes).ShouldBeTrue();
        b.Bytes.SequenceEqual(original.Bytes).ShouldBeTrue();
    }

    [Theory]
    [InlineData("\"not base64!\"", "base64")]
    [InlineData("\"AAAA\"", "512 bytes")]
    [InlineData("[1,2,3]", "128 components; got 3")]
    [InlineData("[\"a\"]", "must be numbers")]
    [InlineData("7", "128 numbers")]
    public void What_is_wrong_is_said(string json, string expected) => Should.Throw<JsonException>(() => Read(json)).Message.ShouldContain(expected);

    [Fact]
    public void A_vector_that_is_not_of_unit_length_is_refused()
    {
        float[] twice = [.. Vectors.Of(3).Values.ToArray().Select(v => 2 * v)];
        Should.Throw<JsonException>(() => Read(JsonSerializer.Serialize(twice))).Message.ShouldContain("unit L2 length");
    }

    [Fact]
    public void Too_many_numbers_are_refused_without_an_overflow() =>
        Should.Throw<JsonException>(() => Read("[" + string.Join(',', Enumerable.Repeat("0.1", 5_000)) + "]")).Message.ShouldContain("5000");

    [Fact]
    public void Template_ids_travel_as_sixteen_digits()
    {
        TemplateId id = new(0x1234);
        string json = JsonSerializer.Serialize(id);
        json.ShouldBe("\"0000000000001234\"");
        JsonSerializer.Deserialize<TemplateId>(json).ShouldBe(id);
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<TemplateId>("\"1234\""));
    }

    private static Embedding Read(string json) => JsonSerializer.Deserialize<Embedding>(json)!;
}

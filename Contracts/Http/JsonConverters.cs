using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FaceSearch.Http;

/// <summary>Enums travel as camelCase strings, never as numbers.</summary>
public sealed class CamelCaseEnum<TEnum>() : JsonStringEnumConverter<TEnum>(JsonNamingPolicy.CamelCase, allowIntegerValues: false)
    where TEnum : struct, Enum;

/// <summary>A template id travels as its sixteen hexadecimal digits.</summary>
public sealed class TemplateIdJsonConverter : JsonConverter<TemplateId>
{
    public override TemplateId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && TemplateId.TryParse(reader.GetString(), out TemplateId id)
            ? id
            : throw new JsonException("A template id is sixteen lower-case hexadecimal digits.");

    public override void Write(Utf8JsonWriter writer, TemplateId value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}

/// <summary>An embedding is read from base64 of 512 bytes (little-endian float32) or from 128 numbers; it is written as base64.</summary>
public sealed class EmbeddingJsonConverter : JsonConverter<Embedding>
{
    public override Embedding Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        try
        {
            return reader.TokenType switch
            {
                JsonTokenType.String => ReadBase64(ref reader),
                JsonTokenType.StartArray => ReadNumbers(ref reader),
                _ => throw new JsonException("An embedding is an array of 128 numbers, or base64 of 512 bytes."),
            };
        }
        catch (FormatException e)
        {
            throw new JsonException(e.Message);
        }
    }

    public override void Write(Utf8JsonWriter writer, Embedding value, JsonSerializerOptions options) => writer.WriteBase64StringValue(value.Bytes);

    private static Embedding ReadBase64(ref Utf8JsonReader reader)
    {
        Span<byte> bytes = stackalloc byte[Embedding.ByteLength + 3];
        if (reader.HasValueSequence || reader.ValueIsEscaped)
        {
            return reader.TryGetBytesFromBase64(out byte[]? decoded)
                ? Embedding.FromBytes(decoded)
                : throw new FormatException("The embedding is not valid base64.");
        }
        return Base64.DecodeFromUtf8(reader.ValueSpan, bytes, out _, out int written) switch
        {
            OperationStatus.Done => Embedding.FromBytes(bytes[..written]),
            OperationStatus.DestinationTooSmall => throw new FormatException(
                $"An embedding is {Embedding.ByteLength} bytes ({Embedding.Dimension} little-endian float32); got {Base64.GetMaxDecodedFromUtf8Length(reader.ValueSpan.Length)}."),
            _ => throw new FormatException("The embedding is not valid base64."),
        };
    }

    private static Embedding ReadNumbers(ref Utf8JsonReader reader)
    {
        Span<float> values = stackalloc float[Embedding.Dimension];
        int count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetSingle(out float value))
                throw new JsonException("An embedding's components must be numbers.");
            if (count < values.Length)
                values[count] = value;
            count++;
        }
        return count == values.Length
            ? Embedding.FromUnit(values)
            : throw new FormatException($"An embedding has {Embedding.Dimension} components; got {count}.");
    }
}

using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace FaceSearch.Gateway.OpenApi;

/// <summary>What the types alone do not tell: those that write themselves as JSON, and which members may be missing.</summary>
internal sealed class SchemaDocs : IOpenApiSchemaTransformer
{
    public Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        Type type = context.JsonTypeInfo.Type;
        if (type == typeof(TemplateId) || type == typeof(TemplateId?))
        {
            schema.Type = JsonSchemaType.String;
            schema.Pattern = "^[0-9a-f]{16}$";
            schema.Examples = [JsonValue.Create("06c1f3a5b2000001")];
            schema.Description ??= "Template id: sixteen hexadecimal digits.";
        }
        else if (type == typeof(Embedding))
        {
            schema.Description ??= "128 components of unit length: base64 of 512 bytes (little-endian float32), or an array of numbers. Always written as base64.";
            schema.OneOf =
            [
                new OpenApiSchema { Type = JsonSchemaType.String, Format = "byte", MinLength = 684, MaxLength = 684 },
                new OpenApiSchema
                {
                    Type = JsonSchemaType.Array, MinItems = Embedding.Dimension, MaxItems = Embedding.Dimension,
                    Items = new OpenApiSchema { Type = JsonSchemaType.Number },
                },
            ];
        }
        RequireOnlyWhatIsAlwaysWritten(schema, context.JsonTypeInfo);
        return Task.CompletedTask;
    }

    /// <summary>Members that are null are left out, so a member that can be null is never required.</summary>
    private static void RequireOnlyWhatIsAlwaysWritten(OpenApiSchema schema, JsonTypeInfo type)
    {
        foreach (JsonPropertyInfo property in type.Properties)
        {
            if (property.IsGetNullable || Nullable.GetUnderlyingType(property.PropertyType) is not null)
                schema.Required?.Remove(property.Name);
        }
    }
}

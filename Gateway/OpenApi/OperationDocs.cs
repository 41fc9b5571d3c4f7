using System.Text.Json;
using System.Text.Json.Nodes;
using FaceSearch.Gateway.Problems;
using FaceSearch.Gateway.Security;
using FaceSearch.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace FaceSearch.Gateway.OpenApi;

/// <summary>What each operation can answer, who may ask, and the bodies that it reads by itself.</summary>
internal sealed class OperationDocs : IOpenApiOperationTransformer
{
    private static readonly string[] Always = [ProblemTypes.InvalidRequest, ProblemTypes.Internal, ProblemTypes.TooManyRequests];
    private static readonly string[] Guarded = [ProblemTypes.Unauthenticated, ProblemTypes.Forbidden];

    public async Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        IList<object> metadata = context.Description.ActionDescriptor.EndpointMetadata;
        OpenApiDocument document = context.Document!;
        RequiredRole? role = metadata.OfType<RequiredRole>().LastOrDefault();
        if (role is not null)
        {
            operation.Security = [.. OpenApiSetup.Security(document)];
            operation.Description += $"\n\nRole: {role.Role.ToString().ToLowerInvariant()}.";
        }
        if (metadata.OfType<ProblemsDoc>().LastOrDefault() is { } problems && context.Description.RelativePath!.StartsWith("api", StringComparison.Ordinal))
            await AddProblemsAsync(operation, context, [.. problems.Types, .. Always, .. role is null ? [] : Guarded], cancellationToken);
        if (metadata.OfType<BodyDoc>().LastOrDefault() is { } body)
            operation.RequestBody = await BodyAsync(body, context, cancellationToken);
        bool write = role is { Role: ApiRole.Enrol } && context.Description.RelativePath!.Contains("/identities", StringComparison.Ordinal);
        if (write)
            Parameter(operation, HttpApi.OperationHeader, ParameterLocation.Header, JsonSchemaType.String, "Operation id: repeating a request with the same one applies it once.");
        if (operation.OperationId == "listIdentities")
            Page(operation, "Identities whose id is greater; `next` of the page before.");
        if (operation.OperationId == "listTrainingRuns")
            Parameter(operation, "limit", ParameterLocation.Query, JsonSchemaType.Integer, "1 to 1,000; 50 if absent.");
        if (operation.OperationId == "listClusterGroups")
        {
            Page(operation, "`next` of the page before.");
            Parameter(operation, "duplicates", ParameterLocation.Query, JsonSchemaType.Boolean, "Only groups that hold more than one identity; false if absent.");
        }
    }

    private static async Task AddProblemsAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, string[] types, CancellationToken cancellation)
    {
        IOpenApiSchema schema = await ComponentAsync(typeof(Problem), context, cancellation);
        operation.Responses ??= [];
        foreach (IGrouping<int, string> status in types.Distinct().GroupBy(ProblemTitles.Status).OrderBy(g => g.Key))
        {
            operation.Responses[status.Key.ToString(System.Globalization.CultureInfo.InvariantCulture)] = new OpenApiResponse
            {
                Description = string.Join("; ", status.Select(t => $"`{t}`: {ProblemTitles.Title(t)}")),
                Content = new Dictionary<string, OpenApiMediaType> { [HttpApi.ProblemMediaType] = new() { Schema = schema } },
            };
        }
    }

    private static async Task<OpenApiRequestBody> BodyAsync(BodyDoc body, OpenApiOperationTransformerContext context, CancellationToken cancellation)
    {
        Dictionary<string, OpenApiMediaType> content = new()
        {
            [body.JsonMediaType] = new() { Schema = await ComponentAsync(body.Json, context, cancellation), Example = JsonNode.Parse(body.Example) },
        };
        if (body.Form is { } form)
            content["multipart/form-data"] = new() { Schema = FormSchema(form) };
        if (body.RawImage)
            content["image/*"] = new() { Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary" } };
        return new OpenApiRequestBody { Required = true, Content = content };
    }

    private static OpenApiSchema FormSchema(IReadOnlyList<FormField> form)
    {
        OpenApiSchema file = new() { Type = JsonSchemaType.String, Format = "binary" };
        return new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Properties = form.ToDictionary(f => f.Name, f => (IOpenApiSchema)(f.Kind switch
            {
                "file" => new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary", Description = f.Description },
                "files" => new OpenApiSchema { Type = JsonSchemaType.Array, Items = file, Description = f.Description },
                "number" => new OpenApiSchema { Type = JsonSchemaType.Number, Description = f.Description },
                "flag" => new OpenApiSchema { Type = JsonSchemaType.Boolean, Description = f.Description },
                "choice" => new OpenApiSchema
                {
                    Type = JsonSchemaType.String,
                    Enum = [.. Enum.GetNames(f.Enum!).Select(n => (JsonNode)JsonNamingPolicy.CamelCase.ConvertName(n))],
                },
                _ => new OpenApiSchema { Type = JsonSchemaType.String, Description = f.Description },
            })),
        };
    }

    private static async Task<IOpenApiSchema> ComponentAsync(Type type, OpenApiOperationTransformerContext context, CancellationToken cancellation)
    {
        OpenApiSchema schema = await context.GetOrCreateSchemaAsync(type, null, cancellation);
        if (type.IsGenericType)
            return schema;
        OpenApiDocument document = context.Document!;
        document.AddComponent(type.Name, schema);
        return new OpenApiSchemaReference(type.Name, document);
    }

    private static void Page(OpenApiOperation operation, string after)
    {
        Parameter(operation, "after", ParameterLocation.Query, JsonSchemaType.String, after);
        Parameter(operation, "limit", ParameterLocation.Query, JsonSchemaType.Integer, "1 to 1,000; 100 if absent.");
    }

    private static void Parameter(OpenApiOperation operation, string name, ParameterLocation where, JsonSchemaType type, string description)
    {
        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter { Name = name, In = where, Description = description, Schema = new OpenApiSchema { Type = type } });
    }
}

using FaceSearch.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace FaceSearch.Gateway.OpenApi;

/// <summary>The OpenAPI document of version 1.</summary>
internal static class OpenApiSetup
{
    public const string DocumentName = "v1";

    private const string KeyScheme = "apiKey", BearerScheme = "bearer";

    public static void AddGatewayOpenApi(this IServiceCollection services) => services.AddOpenApi(DocumentName, options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.ShouldInclude = description => description.RelativePath is { } path
            && (path.StartsWith("api/v1", StringComparison.Ordinal) || path.StartsWith("health", StringComparison.Ordinal));
        options.AddSchemaTransformer<SchemaDocs>();
        options.AddOperationTransformer<OperationDocs>();
        options.AddDocumentTransformer((document, _, _) =>
        {
            Describe(document);
            return Task.CompletedTask;
        });
    });

    /// <summary>Either way of sending the key.</summary>
    public static IList<OpenApiSecurityRequirement> Security(OpenApiDocument document) =>
    [
        new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(KeyScheme, document)] = [] },
        new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(BearerScheme, document)] = [] },
    ];

    private static void Describe(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = "FaceSearch",
            Version = "1",
            Description = "Identity search: who is this face? A gallery holds identities (people); enrolment adds templates to them; identification (1:N) answers "
                + "`match`, `unknown` or `ambiguous`; verification (1:1) compares two faces. Scores: higher is closer. Errors are RFC 9457 problems whose `type` is "
                + "`urn:facesearch:problem:` and a stable slug. Every write takes an `Idempotency-Key`; the server makes one if it is absent, and returns it. Members that are null are left out.",
        };
        document.Servers = [new OpenApiServer { Url = "/" }];
        document.Tags = new HashSet<OpenApiTag>
        {
            new() { Name = "Recognition", Description = "Who is this, and are these two the same?" },
            new() { Name = "Identities", Description = "Enrol, look up, change and erase people." },
            new() { Name = "Galleries", Description = "Sets of identities that are searched together." },
            new() { Name = "Clusters", Description = "Group a gallery by person: duplicates, and people without a name." },
            new() { Name = "Administration", Description = "API keys." },
            new() { Name = "Models", Description = "A model's life: candidate, shadow, active, retired; promotion only on evidence." },
            new() { Name = "Training", Description = "Training runs and schedules; the work is done by `trainingjob work`." },
            new() { Name = "Status", Description = "Health and version." },
        };
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [KeyScheme] = new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = HttpApi.KeyHeader, Description = "A key made by an admin. Not needed on the server's own machine while no key exists." },
            [BearerScheme] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "The same key as a bearer token." },
        };
    }
}

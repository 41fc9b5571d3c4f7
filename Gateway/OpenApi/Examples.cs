namespace FaceSearch.Gateway.OpenApi;

/// <summary>Example bodies, as JSON text.</summary>
internal static class Examples
{
    public const string Gallery = """{ "description": "Staff of the museum", "threshold": { "targetFpir": 0.01 } }""";
    public const string GalleryChange = """{ "margin": 0.03 }""";
    public const string Reembed = """{ "model": "faces-2026-11", "maxMissingShare": 0.01, "keepForHours": 168 }""";
    public const string Clusters = """{ "threshold": 0.52 }""";
    public const string Enrol = """{ "identity": "ada", "metadata": { "department": "engines" }, "images": ["<base64>"], "faces": "largest" }""";
    public const string BulkItem = """{ "operationId": "import-7/000001", "identity": "ada", "embedding": "<base64 of 512 bytes>" }""";
    public const string Identify = """{ "image": "<base64>", "top": 3, "filter": { "department": ["engines", "poetry"] } }""";
    public const string Verify = """{ "a": { "image": "<base64>" }, "b": { "image": "<base64>" }, "fmr": 0.0001 }""";
    public const string IdentityVerify = """{ "image": "<base64>", "fmr": 0.0001 }""";
    public const string Metadata = """{ "department": "engines", "badge": "1815" }""";
    public const string Image = """{ "image": "<base64>" }""";
    public const string ModelStatus = """{ "status": "active" }""";
    public const string Key = """{ "name": "front desk", "role": "identify" }""";
}

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
    public const string ModelStatus = """{ "status": "shadow" }""";
    public const string Promotion = """{ "leastPeople": 50 }""";
    public const string Rollback = """{ "reason": "More strangers let in since Monday" }""";
    public const string TrainingRequest = """{ "gallery": "people", "mode": "head", "options": { "epochs": "20" } }""";
    public const string Schedule = """{ "cron": "0 3 * * 1", "timeZone": "Europe/Paris", "plan": { "gallery": "people" }, "leastNewIdentities": 50 }""";
    public const string Evaluation = """
        { "active": "base", "activeSha256": "<64 hex digits>", "candidateSha256": "<64 hex digits>", "data": "gallery people, test people", "people": 120, "images": 480,
          "comparisons": [{ "metric": "rank1", "people": 120, "active": 0.95, "candidate": 0.97, "lower": 0.01, "upper": 0.03, "activeLower": 0.93 }],
          "unjudged": [], "activePoints": [], "candidatePoints": [], "at": "2026-05-04T10:00:00Z" }
        """;
    public const string Backup = """{ "models": true }""";
    public const string Key = """{ "name": "front desk", "role": "identify" }""";
}

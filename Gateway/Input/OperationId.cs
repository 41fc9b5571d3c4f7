using FaceSearch.Http;
using Microsoft.AspNetCore.Http;

namespace FaceSearch.Gateway.Input;

/// <summary>The idempotency key of a write.</summary>
internal static class OperationId
{
    /// <summary>The caller's, or a new one; the answer, and a problem of this request, carry it.</summary>
    public static string Of(HttpContext context)
    {
        string id = context.Request.Headers[HttpApi.OperationHeader] is [{ Length: > 0 } sent, ..]
            ? Check.Operation(sent, HttpApi.OperationHeader)
            : $"op-{Guid.CreateVersion7():n}";
        context.Items[HttpApi.OperationHeader] = id;
        context.Response.Headers[HttpApi.OperationHeader] = id;
        return id;
    }
}

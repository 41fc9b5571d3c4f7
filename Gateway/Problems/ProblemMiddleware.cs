using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FaceSearch.Gateway.Telemetry;
using FaceSearch.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FaceSearch.Gateway.Problems;

/// <summary>Answers every failure, also those of routing and authentication, with one RFC 9457 problem.</summary>
internal sealed partial class ProblemMiddleware(RequestDelegate next, GatewayMetrics metrics, ILogger<ProblemMiddleware> log)
{
    private const int ClientClosedRequest = 499;

    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null })
                await WriteAsync(context, FromStatus(context));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            if (!context.Response.HasStarted)
                context.Response.StatusCode = ClientClosedRequest;
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            Problem problem = ProblemFactory.From(e);
            if (problem.Status >= 500)
                LogFailure(log, e, problem.Slug, context.Request.Method, Route(context));
            await WriteAsync(context, problem);
        }
        catch (Exception e)
        {
            LogCutOff(log, e, context.Request.Method, Route(context));
            context.Abort();
        }
    }

    /// <summary>Writes a problem as the whole answer.</summary>
    public async Task WriteAsync(HttpContext context, Problem problem)
    {
        problem = problem with
        {
            TraceId = TraceId(context),
            OperationId = problem.OperationId ?? context.Items[HttpApi.OperationHeader] as string,
        };
        metrics.Rejected(problem.Slug, problem.Reason);
        context.Response.StatusCode = problem.Status;
        context.Response.ContentType = HttpApi.ProblemMediaType;
        if (problem.RetryAfterSeconds is { } seconds)
            context.Response.Headers.RetryAfter = Math.Max(1, Math.Ceiling(seconds)).ToString(CultureInfo.InvariantCulture);
        if (!HttpMethods.IsHead(context.Request.Method))
            await JsonSerializer.SerializeAsync(context.Response.Body, problem, FaceSearchJson.Default.Problem, CancellationToken.None);
    }

    /// <summary>Finds the request in the log.</summary>
    public static string TraceId(HttpContext context) => Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;

    private static Problem FromStatus(HttpContext context) => context.Response.StatusCode switch
    {
        404 => ProblemFactory.Create(ProblemTypes.InvalidRequest, "There is nothing at this address. /reference lists what there is.", 404),
        405 => ProblemFactory.Create(ProblemTypes.InvalidRequest, "This address does not take this method; the Allow header lists those it takes.", 405),
        413 => ProblemFactory.Create(ProblemTypes.TooLarge, "The request body is larger than this endpoint takes."),
        415 => ProblemFactory.Create(ProblemTypes.InvalidRequest, "This endpoint does not take a body of this Content-Type. /reference lists those it takes.", 415),
        int status => ProblemFactory.Create(status >= 500 ? ProblemTypes.Internal : ProblemTypes.InvalidRequest, "The request failed.", status),
    };

    /// <summary>The route's pattern: no ids, and nothing a caller chose.</summary>
    private static string Route(HttpContext context) => context.GetEndpoint()?.DisplayName ?? "(no route)";

    [LoggerMessage(Level = LogLevel.Error, Message = "{Problem} in {Method} {Route}")]
    private static partial void LogFailure(ILogger log, Exception e, string problem, string method, string route);

    [LoggerMessage(Level = LogLevel.Error, Message = "The answer of {Method} {Route} was cut off")]
    private static partial void LogCutOff(ILogger log, Exception e, string method, string route);
}

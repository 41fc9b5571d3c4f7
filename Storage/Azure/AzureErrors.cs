using System.Globalization;
using System.Net.Sockets;
using Azure;
using Azure.Identity;
using FaceSearch.Storage.Sqlite;

namespace FaceSearch.Storage.Azure;

/// <summary>What an answer (or none) of the storage service means. Messages carry codes, never names or content of blobs.</summary>
internal static class AzureErrors
{
    /// <summary>The request may or may not have been carried out: no answer, or one that says the server failed.</summary>
    public static bool IsUnknownOutcome(Exception e) => e switch
    {
        RequestFailedException { Status: 0 or 408 or >= 500 } => true,
        RequestFailedException => false,
        AggregateException many => many.InnerExceptions.All(IsUnknownOutcome),
        IOException or SocketException or HttpRequestException or OperationCanceledException => true,
        _ => false,
    };

    /// <summary>A condition did not hold (or something else is being done to the blob): look at it before saying more.</summary>
    public static bool IsConflict(Exception e) => e is RequestFailedException { Status: 409 or 412 };

    /// <summary>The service, or the credential, has said no: nothing was done.</summary>
    public static bool IsRefusal(Exception e) => e is AuthenticationFailedException or RequestFailedException { Status: >= 400 and < 500 and not (408 or 409 or 412 or 429) };

    public static bool IsThrottled(Exception e) => e is RequestFailedException { Status: 429 };

    public static bool IsNotFound(Exception e) => e is RequestFailedException { Status: 404 };

    /// <summary>Whether the exception came from the service or the way to it.</summary>
    public static bool IsService(Exception e) => e is RequestFailedException || IsUnknownOutcome(e) || e is AuthenticationFailedException;

    public static string Code(Exception e) => e switch
    {
        RequestFailedException { ErrorCode: { Length: > 0 } code } => code,
        RequestFailedException { Status: > 0 } answer => answer.Status.ToString(CultureInfo.InvariantCulture),
        AggregateException { InnerExceptions: [.., var last] } => Code(last),
        _ => e.GetType().Name,
    };

    /// <summary>The exception for a failed request of a log.</summary>
    public static Exception Translate(ShardId shard, Exception e) => e switch
    {
        StorageException or ObjectDisposedException => e,
        AppendUnresolvedException { InnerException: { } cause } => Unavailable($"The log of shard {shard}", cause),
        _ when IsService(e) => Unavailable($"The log of shard {shard}", e),
        _ => SqliteErrors.Translate(shard, e),
    };

    /// <summary>Runs something on a log; what fails is thrown as <see cref="Translate"/> has it, but for a cancellation that was asked for.</summary>
    public static async Task<T> GuardAsync<T>(ShardId shard, Func<Task<T>> action, CancellationToken cancellationToken)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (Exception e) when (!(e is OperationCanceledException && cancellationToken.IsCancellationRequested)
            && Translate(shard, e) is var translated && !ReferenceEquals(translated, e))
        {
            throw translated;
        }
    }

    public static StorageUnavailableException Unavailable(string what, Exception e) => new($"{what} cannot be used now: {Reason(e)}.", e);

    private static string Reason(Exception e) => e switch
    {
        AggregateException { InnerExceptions: [.., var last] } => Reason(last),
        OperationCanceledException or RequestFailedException { Status: 0, ErrorCode: null or "" } => "it does not answer",
        _ => $"Azure storage reports {Code(e)}",
    };
}

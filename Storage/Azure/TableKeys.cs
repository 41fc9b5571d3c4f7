using Azure;
using Azure.Data.Tables;

namespace FaceSearch.Storage.Azure;

/// <summary>Keys and errors of Azure tables as Orleans' own providers have them.</summary>
internal static class TableKeys
{
    private const int MaxKey = 1024;

    /// <summary>Replaces the characters that a key may not hold.</summary>
    public static string Sanitise(string key)
    {
        string clean = key.Replace('/', '_').Replace('\\', '_').Replace('#', '_').Replace('?', '_');
        return clean.Length < MaxKey ? clean : throw new ArgumentException($"A table key of {clean.Length} characters is too long.");
    }

    /// <summary>Someone else was faster: the entity exists already, is gone, or has another ETag.</summary>
    public static bool IsContention(RequestFailedException e) => e.Status is 404 or 409 or 412;

    /// <summary>The table of a name, made at need.</summary>
    public static async Task<TableClient> EnsureAsync(AzureAccount account, string table)
    {
        TableClient client = account.Tables.GetTableClient(table);
        await RetryAsync(account, async () => (await client.CreateIfNotExistsAsync().ConfigureAwait(false))?.Value).ConfigureAwait(false);
        return client;
    }

    /// <summary>Repeats what may be repeated (reads, and writes that are the same twice) while the service fails.</summary>
    public static async Task<T> RetryAsync<T>(AzureAccount account, Func<Task<T>> request)
    {
        Backoff backoff = new(account.Options.Patience);
        while (true)
        {
            try
            {
                return await request().ConfigureAwait(false);
            }
            catch (Exception e) when (AzureErrors.IsUnknownOutcome(e) || AzureErrors.IsThrottled(e))
            {
                if (!await backoff.WaitAsync().ConfigureAwait(false))
                    throw;
            }
        }
    }

    public static Task<List<TableEntity>> QueryAsync(AzureAccount account, TableClient table, string filter) => RetryAsync(account, async () =>
    {
        List<TableEntity> found = [];
        await foreach (TableEntity entity in table.QueryAsync<TableEntity>(filter).ConfigureAwait(false))
            found.Add(entity);
        return found;
    });
}

using System.Globalization;
using Azure;
using Azure.Data.Tables;
using Orleans.Runtime;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Orleans reminders in an Azure table, laid out as by Microsoft.Orleans.Reminders.AzureStorage: table <c>OrleansReminders</c>,
/// partition key <c>SERVICE_HASH</c> (the grain's uniform hash in 8 hexadecimal digits), row key <c>GRAIN-REMINDER</c>.
/// </summary>
public sealed class AzureReminderTable(AzureStorageOptions options, string serviceId, string clusterId) : IReminderTable
{
    private readonly AzureAccount _account = new(options);
    private TableClient? _table;

    private TableClient Table => _table ?? throw new InvalidOperationException("The reminder table is not initialised.");

    public async Task Init() => _table = await TableKeys.EnsureAsync(_account, options.ReminderTable).ConfigureAwait(false);

    public async Task<ReminderTableData> ReadRows(GrainId grainId)
    {
        string partition = Partition(grainId.GetUniformHashCode()), row = TableKeys.Sanitise(grainId.ToString());
        string from = row + '-', to = row + (char)('-' + 1);
        return await QueryAsync(TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey gt {from} and RowKey lt {to}")).ConfigureAwait(false);
    }

    public async Task<ReminderTableData> ReadRows(uint begin, uint end)
    {
        string service = TableKeys.Sanitise(serviceId), first = service + '_', last = service + (char)('_' + 1);
        string after = Partition(begin), through = Partition(end);
        FormattableString filter = begin < end ? $"PartitionKey gt {after} and PartitionKey le {through}"
            : begin == end ? (FormattableString)$"PartitionKey gt {first} and PartitionKey lt {last}"
            : $"(PartitionKey gt {first} and PartitionKey le {through}) or (PartitionKey gt {after} and PartitionKey lt {last})";
        return await QueryAsync(TableClient.CreateQueryFilter(filter)).ConfigureAwait(false);
    }

    public async Task<ReminderEntry?> ReadRow(GrainId grainId, string reminderName)
    {
        NullableResponse<TableEntity> found = await TableKeys.RetryAsync(_account, () =>
            Table.GetEntityIfExistsAsync<TableEntity>(Partition(grainId.GetUniformHashCode()), Row(grainId, reminderName))).ConfigureAwait(false);
        return found is { HasValue: true, Value: { } entity } ? Entry(entity) : null;
    }

    public async Task<string?> UpsertRow(ReminderEntry entry)
    {
        uint hash = entry.GrainId.GetUniformHashCode();
        TableEntity entity = new(Partition(hash), Row(entry.GrainId, entry.ReminderName))
        {
            ["ServiceId"] = serviceId,
            ["DeploymentId"] = clusterId,
            ["GrainReference"] = entry.GrainId.ToString(),
            ["ReminderName"] = entry.ReminderName,
            ["StartAt"] = LogFormatter.PrintDate(entry.StartAt),
            ["Period"] = entry.Period.ToString("c", CultureInfo.InvariantCulture),
            ["GrainRefConsistentHash"] = hash.ToString("X8", CultureInfo.InvariantCulture),
        };
        Response written = await TableKeys.RetryAsync(_account, () => Table.UpsertEntityAsync(entity, TableUpdateMode.Replace)).ConfigureAwait(false);
        return written.Headers.ETag?.ToString() ?? throw new InvalidOperationException("The service gave no ETag.");
    }

    public async Task<bool> RemoveRow(GrainId grainId, string reminderName, string eTag)
    {
        try
        {
            Response removed = await Table.DeleteEntityAsync(Partition(grainId.GetUniformHashCode()), Row(grainId, reminderName), new ETag(eTag)).ConfigureAwait(false);
            return removed.Status != 404;
        }
        catch (RequestFailedException e) when (TableKeys.IsContention(e))
        {
            return false;
        }
    }

    /// <summary>Deletes the service's reminders.</summary>
    public async Task TestOnlyClearTable()
    {
        foreach (ReminderEntry entry in (await ReadRows(0, 0).ConfigureAwait(false)).Reminders)
            await RemoveRow(entry.GrainId, entry.ReminderName, entry.ETag!).ConfigureAwait(false);
    }

    private async Task<ReminderTableData> QueryAsync(string filter) =>
        new((await TableKeys.QueryAsync(_account, Table, filter).ConfigureAwait(false)).Where(e => e.GetString("ServiceId") == serviceId).Select(Entry));

    private string Partition(uint hash) => TableKeys.Sanitise(string.Create(CultureInfo.InvariantCulture, $"{serviceId}_{hash:X8}"));

    private static string Row(GrainId grainId, string reminder) => TableKeys.Sanitise($"{grainId}-{reminder}");

    private static ReminderEntry Entry(TableEntity e) => new()
    {
        GrainId = GrainId.Parse(e.GetString("GrainReference")),
        ReminderName = e.GetString("ReminderName"),
        StartAt = LogFormatter.ParseDate(e.GetString("StartAt")),
        Period = TimeSpan.Parse(e.GetString("Period"), CultureInfo.InvariantCulture),
        ETag = e.ETag.ToString(),
    };
}

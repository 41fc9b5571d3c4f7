using System.Globalization;
using System.Net;
using Azure;
using Azure.Data.Tables;
using Orleans.Runtime;

namespace FaceSearch.Storage.Azure;

/// <summary>
/// Orleans cluster membership in an Azure table, laid out as by Microsoft.Orleans.Clustering.AzureStorage: table
/// <c>OrleansSiloInstances</c>, partition key the cluster id, row key <c>ADDRESS-PORT-GENERATION</c>, and the row <c>VersionRow</c>.
/// A silo's row and the version row change in one transaction of the service, or neither does.
/// </summary>
public sealed class AzureMembershipTable(AzureStorageOptions options, string clusterId) : IMembershipTable
{
    private const int MaxTransaction = 100;
    private readonly AzureAccount _account = new(options);
    private TableClient? _table;

    private TableClient Table => _table ?? throw new InvalidOperationException("The membership table is not initialised.");

    public async Task InitializeMembershipTable(bool tryInitTableVersion)
    {
        _table = await TableKeys.EnsureAsync(_account, options.MembershipTable).ConfigureAwait(false);
        if (!tryInitTableVersion)
            return;
        await TableKeys.RetryAsync(_account, async () =>
        {
            try
            {
                return await Table.AddEntityAsync(SiloRow.Version(clusterId, 0)).ConfigureAwait(false);
            }
            catch (RequestFailedException e) when (e.Status == (int)HttpStatusCode.Conflict)
            {
                return null; // It is there.
            }
        }).ConfigureAwait(false);
    }

    public async Task DeleteMembershipTableEntries(string clusterId) =>
        await DeleteAsync(await TableKeys.QueryAsync(_account, Table, TableClient.CreateQueryFilter($"PartitionKey eq {clusterId}")).ConfigureAwait(false)).ConfigureAwait(false);

    public async Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate)
    {
        List<TableEntity> all = await AllAsync().ConfigureAwait(false);
        await DeleteAsync([.. all.Where(e => e.RowKey != SiloRow.VersionKey && e.GetString("Status") != nameof(SiloStatus.Active) && e.Timestamp < beforeDate)]).ConfigureAwait(false);
    }

    public async Task<MembershipTableData> ReadRow(SiloAddress key)
    {
        string row = SiloRow.Key(key), version = SiloRow.VersionKey;
        return Read(await TableKeys.QueryAsync(_account, Table, TableClient.CreateQueryFilter($"PartitionKey eq {clusterId} and (RowKey eq {row} or RowKey eq {version})")).ConfigureAwait(false));
    }

    public async Task<MembershipTableData> ReadAll() => Read(await AllAsync().ConfigureAwait(false));

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) =>
        ChangeAsync(new(TableTransactionActionType.Add, SiloRow.Of(entry, clusterId)), tableVersion);

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        ChangeAsync(new(TableTransactionActionType.UpdateReplace, SiloRow.Of(entry, clusterId), new ETag(etag)), tableVersion);

    public async Task UpdateIAmAlive(MembershipEntry entry) =>
        await TableKeys.RetryAsync(_account, () => Table.UpdateEntityAsync(SiloRow.Alive(entry, clusterId), ETag.All, TableUpdateMode.Merge)).ConfigureAwait(false);

    /// <summary>
    /// A silo's row and the version row in one entity-group transaction. An outcome that is unknown is thrown: Orleans reads the table
    /// again and finds out.
    /// </summary>
    private async Task<bool> ChangeAsync(TableTransactionAction silo, TableVersion version)
    {
        try
        {
            await Table.SubmitTransactionAsync([silo, new(TableTransactionActionType.UpdateReplace, SiloRow.Version(clusterId, version.Version), new ETag(version.VersionEtag))]).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException e) when (TableKeys.IsContention(e))
        {
            return false;
        }
    }

    private Task<List<TableEntity>> AllAsync() => TableKeys.QueryAsync(_account, Table, TableClient.CreateQueryFilter($"PartitionKey eq {clusterId}"));

    private async Task DeleteAsync(List<TableEntity> entities)
    {
        foreach (TableEntity[] batch in entities.Chunk(MaxTransaction))
            await Table.SubmitTransactionAsync(batch.Select(e => new TableTransactionAction(TableTransactionActionType.Delete, e, e.ETag))).ConfigureAwait(false);
    }

    private static MembershipTableData Read(List<TableEntity> entities)
    {
        TableEntity version = entities.Find(e => e.RowKey == SiloRow.VersionKey) ?? throw new KeyNotFoundException("The membership table has no version row.");
        List<Tuple<MembershipEntry, string>> silos = [.. entities.Where(e => e.RowKey != SiloRow.VersionKey).Select(e => Tuple.Create(SiloRow.Entry(e), e.ETag.ToString()))];
        return new(silos, new TableVersion(int.Parse(version.GetString("MembershipVersion"), CultureInfo.InvariantCulture), version.ETag.ToString()));
    }
}

/// <summary>A silo as an entity.</summary>
internal static class SiloRow
{
    public const string VersionKey = "VersionRow";
    private const char Separator = '|';

    public static string Key(SiloAddress silo) => string.Create(CultureInfo.InvariantCulture, $"{silo.Endpoint.Address}-{silo.Endpoint.Port}-{silo.Generation}");

    public static TableEntity Version(string cluster, int version) => new(cluster, VersionKey)
    {
        ["DeploymentId"] = cluster,
        ["MembershipVersion"] = Text(version),
    };

    public static TableEntity Alive(MembershipEntry entry, string cluster) => new(cluster, Key(entry.SiloAddress))
    {
        ["DeploymentId"] = cluster,
        ["IAmAliveTime"] = LogFormatter.PrintDate(entry.IAmAliveTime),
    };

    public static TableEntity Of(MembershipEntry entry, string cluster) => new(cluster, Key(entry.SiloAddress))
    {
        ["DeploymentId"] = cluster,
        ["Address"] = entry.SiloAddress.Endpoint.Address.ToString(),
        ["Port"] = Text(entry.SiloAddress.Endpoint.Port),
        ["Generation"] = Text(entry.SiloAddress.Generation),
        ["HostName"] = entry.HostName,
        ["Status"] = entry.Status.ToString(),
        ["ProxyPort"] = Text(entry.ProxyPort),
        ["RoleName"] = entry.RoleName,
        ["SiloName"] = entry.SiloName,
        ["InstanceName"] = entry.SiloName,
        ["UpdateZone"] = Text(entry.UpdateZone),
        ["FaultZone"] = Text(entry.FaultZone),
        ["StartTime"] = LogFormatter.PrintDate(entry.StartTime),
        ["IAmAliveTime"] = LogFormatter.PrintDate(entry.IAmAliveTime),
        ["SuspectingSilos"] = string.Join(Separator, (entry.SuspectTimes ?? []).Select(s => s.Item1.ToParsableString())),
        ["SuspectingTimes"] = string.Join(Separator, (entry.SuspectTimes ?? []).Select(s => LogFormatter.PrintDate(s.Item2))),
    };

    public static MembershipEntry Entry(TableEntity e)
    {
        MembershipEntry entry = new()
        {
            SiloAddress = Address(e, Number(e, "Port")),
            HostName = e.GetString("HostName"),
            Status = Enum.Parse<SiloStatus>(e.GetString("Status")),
            ProxyPort = Number(e, "ProxyPort"),
            RoleName = e.GetString("RoleName"),
            SiloName = e.GetString("SiloName") ?? e.GetString("InstanceName"),
            UpdateZone = Number(e, "UpdateZone"),
            FaultZone = Number(e, "FaultZone"),
            StartTime = Date(e, "StartTime"),
            IAmAliveTime = Date(e, "IAmAliveTime"),
        };
        string[] silos = Split(e, "SuspectingSilos"), times = Split(e, "SuspectingTimes");
        if (silos.Length != times.Length)
            throw new FormatException("A silo's row names another number of suspecting silos than of times.");
        for (int i = 0; i < silos.Length; i++)
            entry.AddSuspector(SiloAddress.FromParsableString(silos[i]), LogFormatter.ParseDate(times[i]));
        return entry;
    }

    /// <summary>Address and generation of a row, with a port of choice.</summary>
    public static SiloAddress Address(TableEntity e, int port) => SiloAddress.New(IPAddress.Parse(e.GetString("Address")), port, Number(e, "Generation"));

    public static int Number(TableEntity e, string property) => int.TryParse(e.GetString(property), CultureInfo.InvariantCulture, out int value) ? value : 0;

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static DateTime Date(TableEntity e, string property) => e.GetString(property) is { Length: > 0 } text ? LogFormatter.ParseDate(text) : default;

    private static string[] Split(TableEntity e, string property) => e.GetString(property) is { Length: > 0 } text ? text.Split(Separator) : [];
}

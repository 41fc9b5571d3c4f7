using Azure.Data.Tables;
using Orleans.Messaging;
using Orleans.Runtime;

namespace FaceSearch.Storage.Azure;

/// <summary>Tells Orleans clients which silos of <see cref="AzureMembershipTable"/> are active and take clients.</summary>
/// <param name="options">The account.</param>
/// <param name="clusterId">The cluster.</param>
/// <param name="refresh">How old an answer may be.</param>
public sealed class AzureGatewayListProvider(AzureStorageOptions options, string clusterId, TimeSpan refresh) : IGatewayListProvider
{
    private readonly AzureAccount _account = new(options);
    private TableClient? _table;

    public TimeSpan MaxStaleness => refresh;

    public bool IsUpdatable => true;

    public async Task InitializeGatewayListProvider() => _table = await TableKeys.EnsureAsync(_account, options.MembershipTable).ConfigureAwait(false);

    public async Task<IList<Uri>> GetGateways()
    {
        const string Active = nameof(SiloStatus.Active), None = "0";
        TableClient table = _table ?? throw new InvalidOperationException("The gateway list is not initialised.");
        List<TableEntity> silos = await TableKeys.QueryAsync(_account, table, TableClient.CreateQueryFilter($"PartitionKey eq {clusterId} and Status eq {Active} and ProxyPort ne {None}")).ConfigureAwait(false);
        return [.. silos.Select(e => SiloRow.Address(e, SiloRow.Number(e, "ProxyPort")).ToGatewayUri())];
    }
}

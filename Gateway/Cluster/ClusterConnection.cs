namespace FaceSearch.Gateway;

/// <summary>
/// Whether a gateway that is a process of its own has a cluster behind it. Until it is opened, and while no silo is connected,
/// requests are answered 503. Thread-safe.
/// </summary>
public sealed class ClusterConnection : IClusterConnectionStatusObserver
{
    private volatile bool _opened, _lost;

    /// <summary>Whether requests can be served.</summary>
    public bool IsUp => _opened && !_lost;

    /// <summary>Connected for the first time, and it is safe to listen.</summary>
    public void Open() => _opened = true;

    /// <inheritdoc/>
    public void NotifyGatewayCountChanged(int currentNumberOfGateways, int previousNumberOfGateways, bool connectionRecovered) => _lost = currentNumberOfGateways == 0;

    /// <inheritdoc/>
    public void NotifyClusterConnectionLost() => _lost = true;
}

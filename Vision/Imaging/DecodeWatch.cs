using NetVips;

namespace FaceSearch.Vision;

/// <summary>Stops a running libvips evaluation when its time is up or its caller has left.</summary>
internal sealed class DecodeWatch : IDisposable
{
    private readonly Image[] _images;
    private readonly Timer _timer;
    private readonly CancellationTokenRegistration _registration;
    private readonly Lock _lock = new();
    private bool _closed;
    private volatile bool _timedOut;

    public DecodeWatch(Image[] images, TimeSpan timeout, CancellationToken cancellation)
    {
        _images = images;
        _timer = new Timer(_ => { _timedOut = true; Kill(); }, null, timeout, Timeout.InfiniteTimeSpan);
        _registration = cancellation.Register(Kill);
    }

    /// <summary>True once the time was up.</summary>
    public bool TimedOut => _timedOut;

    public void Dispose()
    {
        _registration.Dispose();
        _timer.Dispose();
        lock (_lock)
            _closed = true;
    }

    private void Kill()
    {
        lock (_lock)
        {
            if (_closed)
                return;
            foreach (Image image in _images)
                image.SetKill(true);
        }
    }
}

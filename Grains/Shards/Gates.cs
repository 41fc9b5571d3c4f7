namespace FaceSearch.Grains.Shards;

/// <summary>Counts commits in flight, so that a snapshot can find a moment without any.</summary>
internal sealed class CommitGate
{
    private readonly Lock _lock = new();
    private int _inside;
    private bool _shut;
    private TaskCompletionSource? _closed;
    private TaskCompletionSource? _empty;
    private readonly SemaphoreSlim _closing = new(1);

    /// <exception cref="ObjectDisposedException">The gate is shut.</exception>
    public async ValueTask EnterAsync()
    {
        while (true)
        {
            Task wait;
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_shut, this);
                if (_closed is null)
                {
                    _inside++;
                    return;
                }
                wait = _closed.Task;
            }
            await wait;
        }
    }

    public void Exit()
    {
        lock (_lock)
        {
            if (--_inside == 0)
                _empty?.TrySetResult();
        }
    }

    /// <summary>Keeps new commits out and waits for those inside.</summary>
    public async Task CloseAsync()
    {
        await _closing.WaitAsync();
        Task wait;
        lock (_lock)
        {
            _closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _empty = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_inside == 0)
                _empty.SetResult();
            wait = _empty.Task;
        }
        await wait;
    }

    /// <summary>Closes for good: waits for the commits inside, refuses all later ones.</summary>
    public async Task ShutAsync()
    {
        lock (_lock)
            _shut = true;
        await CloseAsync();
        Open();
    }

    public void Open()
    {
        TaskCompletionSource closed;
        lock (_lock)
        {
            closed = _closed!;
            _closed = null;
            _empty = null;
        }
        _closing.Release();
        closed.SetResult();
    }
}

/// <summary>Lets any number of readers in until it is closed, and closes when the last has left.</summary>
internal sealed class ReaderGate
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inside;
    private bool _closed;

    /// <exception cref="ObjectDisposedException">The gate is closed.</exception>
    public Lease Enter()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _inside++;
        }
        return new Lease(this);
    }

    public Task CloseAsync()
    {
        lock (_lock)
        {
            _closed = true;
            if (_inside == 0)
                _drained.TrySetResult();
        }
        return _drained.Task;
    }

    private void Exit()
    {
        lock (_lock)
        {
            if (--_inside == 0 && _closed)
                _drained.TrySetResult();
        }
    }

    public readonly struct Lease(ReaderGate gate) : IDisposable
    {
        public void Dispose() => gate.Exit();
    }
}

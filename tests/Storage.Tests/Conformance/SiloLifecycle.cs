using Orleans;
using Orleans.Runtime;

namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>Starts a provider of Orleans as a silo would, without one.</summary>
internal sealed class SiloLifecycle : ISiloLifecycle
{
    private readonly List<(int Stage, ILifecycleObserver Observer)> _observers = [];

    private SiloLifecycle()
    {
    }

    public int HighestCompletedStage => 0;

    public int LowestStoppedStage => 0;

    public static void Start(object provider)
    {
        SiloLifecycle lifecycle = new();
        provider.ShouldBeAssignableTo<ILifecycleParticipant<ISiloLifecycle>>()!.Participate(lifecycle);
        foreach ((_, ILifecycleObserver observer) in lifecycle._observers.OrderBy(o => o.Stage))
            observer.OnStart(CancellationToken.None).GetAwaiter().GetResult();
    }

    public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
    {
        _observers.Add((stage, observer));
        return new MemoryStream();
    }
}

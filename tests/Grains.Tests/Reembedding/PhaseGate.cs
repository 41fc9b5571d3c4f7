using System.Collections.Concurrent;
using FaceSearch.Messages;

namespace FaceSearch.Grains.Tests.Reembedding;

/// <summary>Hears a re-embedding's news, and can hold it right after a phase has been stored.</summary>
internal sealed class PhaseGate
{
    private readonly ConcurrentDictionary<string, (TaskCompletionSource Reached, TaskCompletionSource Released)> _gates = new();

    public ConcurrentQueue<ReembeddingProgressed> Progress { get; } = new();

    public ConcurrentQueue<ModelActivated> Activated { get; } = new();

    /// <summary>Arms the gate; <see cref="ReachedAsync"/> waits for it, <see cref="Release"/> lets the work go on.</summary>
    public void HoldAt(string gallery, ReembeddingPhase phase) => _gates[$"{gallery}/{phase}"] =
        (new(TaskCreationOptions.RunContinuationsAsynchronously), new(TaskCreationOptions.RunContinuationsAsynchronously));

    public Task ReachedAsync(string gallery, ReembeddingPhase phase) => _gates[$"{gallery}/{phase}"].Reached.Task.WaitAsync(TimeSpan.FromMinutes(1));

    public void Release(string gallery, ReembeddingPhase phase)
    {
        if (_gates.TryRemove($"{gallery}/{phase}", out var gate))
            gate.Released.TrySetResult();
    }

    public Task HearAsync(object message)
    {
        if (message is ModelActivated activated)
            Activated.Enqueue(activated);
        return message is ReembeddingProgressed progressed ? HearAsync(progressed) : Task.CompletedTask;
    }

    private async Task HearAsync(ReembeddingProgressed progressed)
    {
        Progress.Enqueue(progressed);
        if (_gates.TryGetValue($"{progressed.Gallery}/{progressed.Phase}", out var gate))
        {
            gate.Reached.TrySetResult();
            await gate.Released.Task;
        }
    }
}

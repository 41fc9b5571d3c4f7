using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Search;

/// <summary>Lends scratch to running operations; a loan is an epoch entered, its end an epoch left.</summary>
internal sealed class ScratchPool(Epochs epochs, int dimension, int stride) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Stack<SearchScratch> _idle = new();

    public SearchScratch Rent()
    {
        SearchScratch? scratch;
        lock (_gate) _idle.TryPop(out scratch);
        scratch ??= new SearchScratch(epochs, dimension, stride);
        epochs.Enter(scratch.Participant);
        return scratch;
    }

    public void Return(SearchScratch scratch)
    {
        Epochs.Exit(scratch.Participant);
        lock (_gate) _idle.Push(scratch);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            while (_idle.TryPop(out SearchScratch? scratch)) scratch.Dispose();
        }
    }
}

namespace FaceSearch.Grains.Galleries;

/// <summary>How a re-embedding changes a gallery's generations; same key and same grain as <see cref="IGalleryGrain"/>.</summary>
[Alias("fs.IGalleryGenerationsGrain")]
public interface IGalleryGenerationsGrain : IGrainWithStringKey
{
    /// <summary>
    /// Begins a generation beside the active one. When it returns, every change that is committed from now on goes to both. Idempotent
    /// while a generation of that model is being filled.
    /// </summary>
    /// <exception cref="FaceSearchException">gallery-not-found; reembedding-running where there is another generation already.</exception>
    [Alias("Begin")] Task<GalleryView> BeginAsync(string model, bool compatible);

    /// <summary>What the other generation will decide with once it is active.</summary>
    [Alias("Prepare")] Task PrepareAsync(int generation, CalibrationState calibration, ThresholdPolicy threshold);

    /// <summary>
    /// Compare and set: if <paramref name="from"/> is the active generation and <paramref name="to"/> the other one, they change places,
    /// model, shards, calibration and threshold together. Changes go on reaching both. Idempotent.
    /// </summary>
    /// <exception cref="FaceSearchException">generation-mismatch.</exception>
    [Alias("Switch")] Task<GalleryView> SwitchAsync(int from, int to);

    /// <summary>Takes the other generation out of use and erases its logs and snapshots; idempotent.</summary>
    [Alias("End")] Task EndAsync(int generation);
}

/// <summary>What a gallery asks of its re-embedding; same key and same grain as <see cref="IReembeddingGrain"/>.</summary>
[Alias("fs.IReembeddingEndGrain")]
public interface IReembeddingEndGrain : IGrainWithStringKey
{
    /// <summary>The gallery is being deleted: forgets everything, without waiting for what it is doing.</summary>
    [Orleans.Concurrency.AlwaysInterleave, Alias("Forget")] Task ForgetAsync();
}

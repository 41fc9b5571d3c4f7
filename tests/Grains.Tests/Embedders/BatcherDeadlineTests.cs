using FaceSearch.Grains.Embedders;
using FaceSearch.Grains.Tests.Cluster;
using FaceSearch.Vision;
using Microsoft.Extensions.Options;

namespace FaceSearch.Grains.Tests.Embedders;

public sealed class BatcherDeadlineTests
{
    [Fact]
    public async Task A_face_that_still_waits_at_its_deadline_is_not_embedded()
    {
        int embedded = 0;
        using ManualResetEventSlim go = new();
        using EmbedderBatcher batcher = new(new StandInEmbedder("slow", _ =>
        {
            Interlocked.Increment(ref embedded);
            go.Wait(TimeSpan.FromSeconds(30));
            return Faces.Of(1);
        }), Options.Create(new EmbedderOptions { Concurrency = 1, MaxBatch = 1 }));
        AlignedFace crop = new(16, new byte[16 * 16 * 3]);
        Task<Embedding> first = batcher.EmbedAsync(crop);
        await Until.TrueAsync(() => Task.FromResult(Volatile.Read(ref embedded) == 1));
        using CancellationTokenSource hungUp = new();
        Task<Embedding> late = batcher.EmbedAsync(crop, DateTimeOffset.UtcNow.AddMilliseconds(-1)), gone = batcher.EmbedAsync(crop, null, hungUp.Token), patient = batcher.EmbedAsync(crop);
        await hungUp.CancelAsync();
        go.Set();
        await first;
        await patient;
        (await Should.ThrowAsync<FaceSearchException>(() => late)).Type.ShouldBe(ProblemTypes.DeadlineExceeded);
        await Should.ThrowAsync<OperationCanceledException>(() => gone);
        (embedded, batcher.Dropped).ShouldBe((2, 2));
    }
}

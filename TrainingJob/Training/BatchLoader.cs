using System.Threading.Channels;
using FaceSearch.TrainingJob.Objectives;

namespace FaceSearch.TrainingJob.Training;

/// <summary>A batch ready to be put into a tensor.</summary>
/// <param name="Examples">The objective's numbers.</param>
/// <param name="Values">Examples x length floats.</param>
public sealed record LoadedBatch(int[] Examples, float[] Values);

/// <summary>Renders the next batches on another thread while the present one is trained on.</summary>
internal static class BatchLoader
{
    private const int Ahead = 3;

    /// <summary>The batches of an epoch in order, from the given one on.</summary>
    /// <param name="length">Floats an example.</param>
    public static IEnumerable<LoadedBatch> Load(Objective objective, IReadOnlyList<int[]> batches, int length, int seed, int epoch, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var channel = Channel.CreateBounded<LoadedBatch>(new BoundedChannelOptions(Ahead) { SingleReader = true, SingleWriter = true });
        Task producer = Task.Factory.StartNew(() => Produce(objective, batches, length, seed, epoch, channel.Writer, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            while (channel.Reader.WaitToReadAsync(cancellation).AsTask().GetAwaiter().GetResult())
            {
                while (channel.Reader.TryRead(out LoadedBatch? batch))
                    yield return batch;
            }
        }
        finally
        {
            stop.Cancel();
            producer.Wait(CancellationToken.None);
        }
    }

    private static void Produce(Objective objective, IReadOnlyList<int[]> batches, int length, int seed, int epoch, ChannelWriter<LoadedBatch> writer, CancellationToken stop)
    {
        try
        {
            for (int b = 0; b < batches.Count; b++)
            {
                float[] values = new float[batches[b].Length * length];
                for (int i = 0; i < batches[b].Length; i++)
                    objective.Render(batches[b][i], new Random(Seeds.Mix(seed, epoch, b, i)), values.AsSpan(i * length, length));
                writer.WriteAsync(new LoadedBatch(batches[b], values), stop).AsTask().GetAwaiter().GetResult();
            }
            writer.Complete();
        }
        catch (OperationCanceledException)
        {
            writer.TryComplete();
        }
#pragma warning disable CA1031 // Whatever goes wrong here is thrown where the batches are read.
        catch (Exception e)
#pragma warning restore CA1031
        {
            writer.TryComplete(e);
        }
    }
}

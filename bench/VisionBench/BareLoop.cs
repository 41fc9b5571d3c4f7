using FaceSearch.Vision;
using Microsoft.ML.OnnxRuntime;

namespace FaceSearch.VisionBench;

/// <summary>Nothing but InferenceSession.Run, on fixed inputs of the sizes the pipeline uses.</summary>
internal sealed class BareLoop(InstalledModel detector, InstalledModel embedder, int rows) : IDisposable
{
    private const int PaddedSide = 256;
    private readonly InferenceSession _detector = Open(detector);
    private readonly InferenceSession _embedder = Open(embedder);
    private readonly string[] _detectorOutputs =
        [.. new[] { 8, 16, 32 }.SelectMany(s => new[] { $"cls_{s}", $"obj_{s}", $"bbox_{s}", $"kps_{s}" })];

    public void Run(int from, int to, int batch)
    {
        int side = embedder.Manifest.Input.Width;
        using OrtValue picture = Random([1, 3, PaddedSide, PaddedSide], 255);
        using OrtValue crops = Random([rows, 3, side, side], 1);
        using var run = new RunOptions();
        string[] pictureName = [detector.Manifest.Input.Name], cropName = [embedder.Manifest.Input.Name], output = [embedder.Manifest.Output!];
        for (int i = from; i < to; i++)
        {
            _detector.Run(run, pictureName, [picture], _detectorOutputs).Dispose();
            if ((i - from) % batch == batch - 1 || i == to - 1)
                _embedder.Run(run, cropName, [crops], output).Dispose();
        }
    }

    public void Dispose()
    {
        _detector.Dispose();
        _embedder.Dispose();
    }

    private static InferenceSession Open(InstalledModel model)
    {
        using var settings = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        return new InferenceSession(model.Load(), settings);
    }

    private static OrtValue Random(long[] shape, float scale)
    {
        var random = new Random(7);
        float[] values = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(_ => (float)random.NextDouble() * scale)];
        return OrtValue.CreateTensorValueFromMemory(values, shape);
    }
}

using System.Buffers;
using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;

namespace FaceSearch.Vision;

/// <summary>An embedder described by a <see cref="ModelManifest"/> and run by ONNX Runtime. Thread-safe.</summary>
public sealed class OnnxFaceEmbedder : IFaceEmbedder
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly CropEncoder _encoder;
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private readonly int _maxCropsPerRun;

    /// <exception cref="ExecutionProviderUnavailableException">CUDA was demanded and is missing.</exception>
    /// <exception cref="ModelException">The file does not fit its manifest.</exception>
    public OnnxFaceEmbedder(InstalledModel model, InferenceOptions? options = null)
    {
        options ??= new InferenceOptions();
        Manifest = model.Manifest;
        if (Manifest.Kind != ModelKind.Embedder)
            throw new ModelException($"'{model.Path}' is a {Manifest.Kind}, not an embedder.");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxCropsPerRun);
        Provider = options.Provider;
        _maxCropsPerRun = options.MaxCropsPerRun;
        _session = OnnxSessions.Create(model.Load(), Manifest.Name, options);
        _encoder = new CropEncoder(Manifest.Input);
        _inputs = [Manifest.Input.Name];
        _outputs = [Manifest.Output!];
        if (!_session.InputMetadata.ContainsKey(_inputs[0]))
            throw new ModelException($"'{model.Path}' has no input '{_inputs[0]}' (manifest field input.name); it has: {string.Join(", ", _session.InputMetadata.Keys)}.");
        if (!_session.OutputMetadata.ContainsKey(_outputs[0]))
            throw new ModelException($"'{model.Path}' has no output '{_outputs[0]}' (manifest field output); it has: {string.Join(", ", _session.OutputMetadata.Keys)}.");
    }

    /// <inheritdoc/>
    public ModelManifest Manifest { get; }

    /// <inheritdoc/>
    public ExecutionProvider Provider { get; }

    /// <inheritdoc/>
    public void Embed(IReadOnlyList<AlignedFace> batch, Span<float> unitEmbeddings)
    {
        int dimension = Manifest.Dimension;
        if (unitEmbeddings.Length != batch.Count * dimension)
            throw new ArgumentException($"Expected {batch.Count} x {dimension} floats, got {unitEmbeddings.Length}.", nameof(unitEmbeddings));
        for (int from = 0; from < batch.Count; from += _maxCropsPerRun)
        {
            int count = Math.Min(_maxCropsPerRun, batch.Count - from);
            Run(batch, from, count, unitEmbeddings.Slice(from * dimension, count * dimension));
        }
    }

    /// <summary>One run over crops [from, from + count), their mirror images behind them.</summary>
    private void Run(IReadOnlyList<AlignedFace> batch, int from, int count, Span<float> unitEmbeddings)
    {
        int dimension = Manifest.Dimension, row = _encoder.RowLength;
        int rows = Manifest.MirrorAndSum ? 2 * count : count;
        float[] buffer = ArrayPool<float>.Shared.Rent(rows * row);
        try
        {
            for (int i = 0; i < count; i++)
            {
                _encoder.Encode(batch[from + i], buffer.AsSpan(i * row, row), mirror: false);
                if (Manifest.MirrorAndSum)
                    _encoder.Encode(batch[from + i], buffer.AsSpan((count + i) * row, row), mirror: true);
            }
            using OrtValue input = OrtValue.CreateTensorValueFromMemory(
                OrtMemoryInfo.DefaultInstance, buffer.AsMemory(0, rows * row), [rows, 3, Manifest.Input.Height, Manifest.Input.Width]);
            using IDisposableReadOnlyCollection<OrtValue> outputs = _session.Run(_run, _inputs, [input], _outputs);
            ReadOnlySpan<float> raw = outputs[0].GetTensorDataAsSpan<float>();
            if (raw.Length != rows * dimension)
                throw new ModelException($"Model '{Manifest.Name}' returned {raw.Length} floats for {rows} crops; the manifest's dimension is {dimension}.");
            raw[..unitEmbeddings.Length].CopyTo(unitEmbeddings);
            if (Manifest.MirrorAndSum)
                TensorPrimitives.Add(unitEmbeddings, raw[unitEmbeddings.Length..], unitEmbeddings);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
        for (int i = 0; i < count; i++)
            Normalise(unitEmbeddings.Slice(i * dimension, dimension));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _session.Dispose();
        _run.Dispose();
    }

    private void Normalise(Span<float> vector)
    {
        float norm = TensorPrimitives.Norm(vector);
        if (!(norm > 0) || !float.IsFinite(norm))
            throw new ModelException($"Model '{Manifest.Name}' returned a vector without a direction (norm {norm}).");
        TensorPrimitives.Divide(vector, norm, vector);
    }
}

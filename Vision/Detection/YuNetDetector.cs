using System.Buffers;
using Microsoft.ML.OnnxRuntime;
using NetVips;

namespace FaceSearch.Vision;

/// <summary>Options of <see cref="YuNetDetector"/>.</summary>
public sealed record DetectorOptions
{
    /// <summary>Smallest score kept, 0..1 (default 0.6; a dog can score 0.87, so quality policy asks for more).</summary>
    public float ScoreThreshold { get; init; } = 0.6f;

    /// <summary>Boxes that overlap a better one by more than this intersection-over-union are dropped.</summary>
    public float NmsIou { get; init; } = 0.3f;

    /// <summary>Longest side the detector works on in pixels; larger pictures are shrunk to it. Default 1,024.</summary>
    public int LongSide { get; init; } = 1_024;

    /// <summary>
    /// Longest side of a second look at a picture in which the first found no face: a face that fills a large
    /// picture is larger than any the network was trained on. Default 320.
    /// </summary>
    public int SecondLookLongSide { get; init; } = 320;
}

/// <summary>
/// YuNet (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023): boxes and five landmarks. Thread-safe.
/// </summary>
public sealed class YuNetDetector : IFaceDetector, IDisposable
{
    /// <summary>The coarsest stride: input sides are padded (right and bottom, black) to a multiple of it.</summary>
    private const int Multiple = 32;

    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();
    private readonly string[] _inputs;
    private readonly DetectorOptions _options;

    /// <exception cref="ExecutionProviderUnavailableException">CUDA was demanded and is missing.</exception>
    /// <exception cref="ModelException">The model is not a YuNet.</exception>
    public YuNetDetector(InstalledModel model, DetectorOptions? options = null, InferenceOptions? inference = null)
    {
        _options = options ?? new DetectorOptions();
        inference ??= new InferenceOptions();
        Manifest = model.Manifest;
        Provider = inference.Provider;
        _session = OnnxSessions.Create(model.Load(), model.Manifest.Name, inference);
        _inputs = [model.Manifest.Input.Name];
        string? missing = YuNetOutputs.Names.FirstOrDefault(name => !_session.OutputMetadata.ContainsKey(name));
        if (missing is not null || !_session.InputMetadata.ContainsKey(_inputs[0]))
            throw new ModelException($"'{model.Path}' is not a YuNet detector: it lacks {(missing is null ? $"the input '{_inputs[0]}'" : $"the output '{missing}'")}.");
        LibVips.EnsureConfigured();
    }

    /// <summary>The model's manifest.</summary>
    public ModelManifest Manifest { get; }

    /// <summary>The provider the session runs on.</summary>
    public ExecutionProvider Provider { get; }

    /// <inheritdoc/>
    public IReadOnlyList<DetectedFace> Detect(DecodedImage image)
    {
        List<DetectedFace> faces = DetectAt(image, _options.LongSide);
        int longSide = Math.Max(image.Width, image.Height);
        if (faces.Count == 0 && longSide > _options.SecondLookLongSide)
            faces = DetectAt(image, _options.SecondLookLongSide);
        return faces;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _session.Dispose();
        _run.Dispose();
    }

    private List<DetectedFace> DetectAt(DecodedImage image, int longSide)
    {
        if (Math.Max(image.Width, image.Height) <= longSide)
            return Run(image.Pixels, image.Width, image.Height, image.OriginalWidth, image.OriginalHeight);
        using DecodedImage small = Shrink(image, longSide);
        return Run(small.Pixels, small.Width, small.Height, image.OriginalWidth, image.OriginalHeight);
    }

    private List<DetectedFace> Run(ReadOnlySpan<byte> rgb, int width, int height, int originalWidth, int originalHeight)
    {
        int paddedWidth = RoundUp(width), paddedHeight = RoundUp(height), length = 3 * paddedWidth * paddedHeight;
        float[] buffer = ArrayPool<float>.Shared.Rent(length);
        try
        {
            FillInput(rgb, width, height, paddedWidth, buffer.AsSpan(0, length));
            using OrtValue input = OrtValue.CreateTensorValueFromMemory(
                OrtMemoryInfo.DefaultInstance, buffer.AsMemory(0, length), [1, 3, paddedHeight, paddedWidth]);
            using IDisposableReadOnlyCollection<OrtValue> outputs = _session.Run(_run, _inputs, [input], YuNetOutputs.Names);
            return YuNetOutputs.Decode(outputs, paddedWidth, paddedHeight, _options,
                (float)originalWidth / width, (float)originalHeight / height);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }

    /// <summary>RGB interleaved bytes to BGR planes of 0..255, black on the padding.</summary>
    private static void FillInput(ReadOnlySpan<byte> rgb, int width, int height, int paddedWidth, Span<float> input)
    {
        int plane = input.Length / 3;
        if (plane != width * height)
            input.Clear();
        Span<float> blue = input[..plane], green = input.Slice(plane, plane), red = input.Slice(2 * plane, plane);
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> row = rgb.Slice(y * width * 3, width * 3);
            Span<float> r = red.Slice(y * paddedWidth, width), g = green.Slice(y * paddedWidth, width), b = blue.Slice(y * paddedWidth, width);
            for (int x = 0, at = 0; x < width; x++, at += 3)
            {
                r[x] = row[at];
                g[x] = row[at + 1];
                b[x] = row[at + 2];
            }
        }
    }

    private static DecodedImage Shrink(DecodedImage image, int longSide)
    {
        using Image full = Image.NewFromMemoryCopy(image.Pixels, image.Width, image.Height, 3, Enums.BandFormat.Uchar);
        using Image small = full.ThumbnailImage(longSide, height: longSide, size: Enums.Size.Down, noRotate: true);
        return new DecodedImage(VipsPixels.ToPooled(small), small.Width, small.Height, image.OriginalWidth, image.OriginalHeight);
    }

    private static int RoundUp(int side) => (side + Multiple - 1) / Multiple * Multiple;
}

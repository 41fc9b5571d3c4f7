using System.IO.MemoryMappedFiles;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using FaceSearch.TrainingJob.Augmentation;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;
using FaceSearch.Vision.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace FaceSearch.TrainingJob.Objectives;

/// <summary>
/// A teacher's maps of features inside its graph, of every view of every training face: computed once and kept as half
/// floats in a file that is mapped into memory, since they are too many to hold (views x channels x height x width each).
/// </summary>
public sealed class TeacherMaps : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _halves;
    private readonly int _views;
    private readonly int _row;
    private readonly int[] _starts;

    private TeacherMaps(string file, int views, IReadOnlyList<FeatureShape> shapes)
    {
        (Shapes, _views, _row) = (shapes, views, shapes.Sum(s => s.Length));
        _starts = [.. shapes.Select((_, i) => shapes.Take(i).Sum(s => s.Length))];
        _file = MemoryMappedFile.CreateFromFile(file, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _halves = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <summary>Shape of each map.</summary>
    public IReadOnlyList<FeatureShape> Shapes { get; }

    /// <summary>Copies a map of one view.</summary>
    /// <param name="map">Which of <see cref="Shapes"/>.</param>
    /// <param name="face">The training face.</param>
    /// <param name="view">Its view.</param>
    /// <param name="values">channels x height x width floats, channel by channel.</param>
    public void Read(int map, int face, int view, Span<float> values)
    {
        long at = (((long)face * _views + view) * _row + _starts[map]) * 2;
        Half[] halves = new Half[values.Length];
        _halves.ReadArray(at, halves, 0, halves.Length);
        TensorPrimitives.ConvertToSingle(halves, values);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _halves.Dispose();
        _file.Dispose();
    }

    /// <summary>Maps the file, which is computed first if it is not there.</summary>
    /// <param name="views">The views and what they look like.</param>
    /// <param name="teacher">The model that embedded them.</param>
    /// <param name="values">Names of the values in its graph.</param>
    /// <param name="file">Where the maps are kept.</param>
    /// <param name="check">Told the maps' shapes before anything is computed; throws if they do not fit.</param>
    /// <param name="progress">Told the number of faces done.</param>
    /// <param name="cancellation">Stops.</param>
    /// <exception cref="TrainingException">The graph has no such value, or it is not a map.</exception>
    public static TeacherMaps Load(TeacherViews views, InstalledModel teacher, IReadOnlyList<string> values, string file, Action<IReadOnlyList<FeatureShape>>? check, Action<int>? progress, CancellationToken cancellation)
    {
        using InferenceSession session = OnnxSessions.Create(WithOutputs(teacher, values), teacher.Manifest.Name, new InferenceOptions());
        var encoder = new CropEncoder(teacher.Manifest.Input);
        FeatureShape[] shapes = Run(session, encoder, teacher, values, [views.Render(0, 0)], null);
        check?.Invoke(shapes);
        int row = shapes.Sum(s => s.Length);
        if (!File.Exists(file) || new FileInfo(file).Length != (long)views.Faces * views.Count * row * 2)
            Compute(session, encoder, views, teacher, values, row, file, progress, cancellation);
        return new TeacherMaps(file, views.Count, shapes);
    }

    private static void Compute(InferenceSession session, CropEncoder encoder, TeacherViews views, InstalledModel teacher, IReadOnlyList<string> values, int row, string file, Action<int>? progress, CancellationToken cancellation)
    {
        int done = 0;
        using (Microsoft.Win32.SafeHandles.SafeFileHandle written = File.OpenHandle(file + ".tmp", FileMode.Create, FileAccess.Write))
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellation };
            Parallel.For(0, views.Faces, options, face =>
            {
                Half[] halves = new Half[views.Count * row];
                Run(session, encoder, teacher, values, [.. Enumerable.Range(0, views.Count).Select(view => views.Render(face, view))], halves);
                RandomAccess.Write(written, MemoryMarshal.AsBytes<Half>(halves), (long)face * halves.Length * 2);
                if (Interlocked.Increment(ref done) is var count && count % 50 == 0)
                    progress?.Invoke(count);
            });
        }
        File.Move(file + ".tmp", file, overwrite: true);
    }

    /// <summary>Runs the teacher over crops and writes their maps, crop by crop; returns the maps' shapes.</summary>
    private static FeatureShape[] Run(InferenceSession session, CropEncoder encoder, InstalledModel teacher, IReadOnlyList<string> values, AlignedFace[] crops, Half[]? halves)
    {
        float[] input = new float[crops.Length * encoder.RowLength];
        for (int i = 0; i < crops.Length; i++)
            encoder.Encode(FaceRenderer.Fit(crops[i], teacher.Manifest.Input.Width), input.AsSpan(i * encoder.RowLength, encoder.RowLength), mirror: false);
        using OrtValue tensor = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, input.AsMemory(), [crops.Length, 3, teacher.Manifest.Input.Height, teacher.Manifest.Input.Width]);
        using var run = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> maps = session.Run(run, [teacher.Manifest.Input.Name], [tensor], [.. values]);
        FeatureShape[] shapes = [.. maps.Select((map, i) => Shape(values[i], map.GetTensorTypeAndShape().Shape, crops.Length))];
        int row = shapes.Sum(s => s.Length), start = 0;
        for (int m = 0; m < shapes.Length && halves is not null; start += shapes[m++].Length)
        {
            ReadOnlySpan<float> all = maps[m].GetTensorDataAsSpan<float>();
            int length = shapes[m].Length;
            for (int i = 0; i < crops.Length; i++)
                TensorPrimitives.ConvertToHalf(all.Slice(i * length, length), halves.AsSpan((i * row) + start, length));
        }
        return shapes;
    }

    private static FeatureShape Shape(string value, long[] dims, int rows) => dims is [var count, var channels, var height, var width] && count == rows
        ? new FeatureShape((int)channels, (int)height, (int)width)
        : throw new TrainingException($"The teacher's value '{value}' is no map of features (batch x channels x height x width); its shape is {string.Join(" x ", dims)}.");

    private static byte[] WithOutputs(InstalledModel teacher, IReadOnlyList<string> values)
    {
        ModelProto model = ModelProto.Parser.ParseFrom(teacher.Load());
        HashSet<string> known = [.. model.Graph.Node.SelectMany(n => n.Output)];
        foreach (string value in values.Where(v => model.Graph.Output.All(o => o.Name != v)))
        {
            if (!known.Contains(value))
                throw new TrainingException($"The teacher '{teacher.Manifest.Name}' has no value '{value}' in its graph. Values of sums in it: {string.Join(", ", model.Graph.Node.Where(n => n.OpType == "Add").SelectMany(n => n.Output))}.");
            model.Graph.Output.Add(new ValueInfoProto { Name = value });
        }
        return Google.Protobuf.MessageExtensions.ToByteArray(model);
    }
}

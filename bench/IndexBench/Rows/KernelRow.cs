using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FaceSearch.VectorIndex;
using FaceSearch.VectorIndex.Kernels;

namespace FaceSearch.IndexBench.Rows;

/// <summary>BenchmarkDotNet over the kernels.</summary>
internal static class KernelRow
{
    public static void Run(BenchSettings settings)
    {
        ManualConfig config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
            .WithArtifactsPath(Path.Combine(settings.WorkFolder, "kernels"));
        BenchmarkRunner.Run<KernelBenchmarks>(config);
        Directory.CreateDirectory(settings.ResultFolder);
        string report = Directory.GetFiles(Path.Combine(settings.WorkFolder, "kernels", "results"), "*-github.md").Single();
        File.Copy(report, Path.Combine(settings.ResultFolder, "kernels.md"), overwrite: true);
    }
}

/// <summary>128-d products of each kernel that runs here: 4,096 rows, hot in cache; figures are per row.</summary>
public unsafe class KernelBenchmarks
{
    private const int Rows = 4096, Stride = 128, Queries = 32;
    private readonly byte[] _codes = GC.AllocateArray<byte>(Rows * Stride, pinned: true);
    private readonly sbyte[] _queries = GC.AllocateArray<sbyte>(Queries * Stride, pinned: true);
    private readonly int[] _scores = GC.AllocateArray<int>(Queries * 256, pinned: true);
    private readonly int[] _biases = GC.AllocateArray<int>(Queries, pinned: true);
    private readonly int[] _order = GC.AllocateArray<int>(Rows, pinned: true);
    private readonly float[] _floats = GC.AllocateArray<float>(Rows * Stride, pinned: true);
    private ScoreKernel _kernel = null!;

    /// <summary>Which kernel.</summary>
    [ParamsSource(nameof(Kernels))]
    public KernelKind Kernel { get; set; }

    /// <summary>Those that this processor runs.</summary>
    public static IEnumerable<KernelKind> Kernels => Enum.GetValues<KernelKind>().Where(KernelSelector.IsSupported);

    /// <summary>Random codes within the kernels' bound.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _kernel = KernelSelector.Create(Kernel);
        var random = new Random(1);
        for (int i = 0; i < _codes.Length; i++) _codes[i] = (byte)random.Next(128);
        for (int i = 0; i < _queries.Length; i++) _queries[i] = (sbyte)random.Next(-64, 64);
        for (int i = 0; i < _floats.Length; i++) _floats[i] = (float)random.NextDouble() - 0.5f;
        for (int i = 0; i < Rows; i++) _order[i] = i;
        random.Shuffle(_order);
    }

    /// <summary>Rows one behind the other: the exact scan.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public void ScanRows()
    {
        fixed (byte* codes = _codes)
        fixed (sbyte* query = _queries)
        fixed (int* scores = _scores)
        {
            for (int at = 0; at < Rows; at += 256) _kernel.Scan(query, 0, codes + (at * Stride), Stride, 256, scores);
        }
    }

    /// <summary>32 queries a pass, per row and query.</summary>
    [Benchmark(OperationsPerInvoke = Rows * Queries)]
    public void ScanRowsFor32Queries()
    {
        fixed (byte* codes = _codes)
        fixed (sbyte* queries = _queries)
        fixed (int* scores = _scores, biases = _biases)
        {
            for (int at = 0; at < Rows; at += 256) _kernel.ScanBatch(queries, biases, Queries, codes + (at * Stride), Stride, 256, scores);
        }
    }

    /// <summary>Rows in random order: the walk over the graph.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public void GatherRows()
    {
        fixed (byte* codes = _codes)
        fixed (sbyte* query = _queries)
        fixed (int* scores = _scores, order = _order)
        {
            for (int at = 0; at < Rows; at += 32) _kernel.Gather(query, 0, codes, Stride, order + at, 32, scores);
        }
    }

    /// <summary>float32 product: the rerank.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public float DotFloats()
    {
        float sum = 0;
        fixed (float* rows = _floats)
        {
            for (int i = 0; i < Rows; i++) sum += _kernel.Dot(rows, rows + (i * Stride), Stride);
        }

        return sum;
    }
}

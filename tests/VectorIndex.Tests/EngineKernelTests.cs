using FaceSearch.VectorIndex.Kernels;

namespace FaceSearch.VectorIndex.Tests;

[Collection("Memory")]
public sealed class EngineKernelTests
{
    public static TheoryData<KernelKind> Kinds() => [.. Enum.GetValues<KernelKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Both_engines_give_the_same_answers_on_every_kernel(KernelKind kind)
    {
        if (!KernelSelector.IsSupported(kind)) Assert.Skip($"This processor cannot run {kind}.");
        float[][] rows = TestData.FaceLike(1500, 80, seed: 61);
        using var flat = new FlatIndex(new IndexOptions { Dimension = 80, Kernel = kind, MaxVectors = 1500 });
        using var graph = new HnswIndex(new HnswOptions { Dimension = 80, Kernel = kind, MaxVectors = 1500 });
        using var reference = new HnswIndex(new HnswOptions { Dimension = 80, Kernel = KernelKind.Portable, MaxVectors = 1500 });
        var model = new NaiveIndex();
        for (int i = 0; i < rows.Length; i++)
        {
            flat.Add(i, model.Vectors[i] = rows[i]);
            graph.Add(i, rows[i]);
            reference.Add(i, rows[i]);
        }

        flat.Kernel.ShouldBe(kind);
        var random = new Random(62);
        var results = new Neighbour[10];
        var others = new Neighbour[10];
        for (int q = 0; q < 50; q++)
        {
            float[] query = TestData.Near(random, rows[random.Next(1500)], 0.5f);
            flat.Search(query, results);
            model.ShouldEqual(results, query, 10);
            // Code kernels agree bit for bit, so the graphs are the same graph and walks are the same walks.
            int scored = graph.Search(query, results).Scored;
            reference.Search(query, others).Scored.ShouldBe(scored);
            results.Select(r => r.Id).ShouldBe(others.Select(r => r.Id));
        }
    }

    [Fact]
    public void The_environment_variable_forces_a_kernel_and_an_unknown_name_is_refused()
    {
        string? before = Environment.GetEnvironmentVariable(KernelSelector.Variable);
        try
        {
            Environment.SetEnvironmentVariable(KernelSelector.Variable, "portable");
            KernelSelector.Create(null).Kind.ShouldBe(KernelKind.Portable);
            Environment.SetEnvironmentVariable(KernelSelector.Variable, "mmx");
            Should.Throw<PlatformNotSupportedException>(() => KernelSelector.Create(null)).Message.ShouldContain("mmx");
        }
        finally
        {
            Environment.SetEnvironmentVariable(KernelSelector.Variable, before);
        }
    }
}

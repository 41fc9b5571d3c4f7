using System.Runtime.InteropServices;

namespace FaceSearch.VectorIndex.Tests;

/// <summary>Real templates, where the data folder is at hand.</summary>
public sealed class RealEmbeddingTests
{
    [Fact]
    public void Real_templates_are_searched_exactly_by_the_flat_index_and_nearly_so_by_the_graph()
    {
        float[][] rows = LoadOrSkip();
        using var flat = new FlatIndex(new IndexOptions { MaxVectors = rows.Length });
        using var graph = new HnswIndex(new HnswOptions { MaxVectors = rows.Length });
        var model = new NaiveIndex();
        // Every tenth template is a probe.
        for (int i = 0; i < rows.Length; i++)
        {
            if (i % 10 == 0) continue;
            flat.Add(i, model.Vectors[i] = rows[i]);
            graph.Add(i, rows[i]);
        }

        var exact = new Neighbour[5];
        var found = new Neighbour[5];
        int hits = 0, probes = 0;
        for (int i = 0; i < rows.Length; i += 50)
        {
            flat.Search(rows[i], exact).Count.ShouldBe(5);
            if (i % 500 == 0) model.ShouldEqual(exact, rows[i], 5);
            graph.Search(rows[i], found, new SearchOptions { EfSearch = 128 });
            probes++;
            if (found[0].Id == exact[0].Id) hits++;
        }

        ((double)hits / probes).ShouldBeGreaterThan(0.99);
    }

    private static float[][] LoadOrSkip()
    {
        string file = Path.Combine(SharedData.Folder, "embeddings", "lfw_mobilefacenet128_f32.bin");
        float[] all = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(file)).ToArray();
        return [.. all.Chunk(128).Select(TestData.Normalise)];
    }
}

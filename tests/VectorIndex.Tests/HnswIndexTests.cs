using FaceSearch.VectorIndex.Graph;
using FaceSearch.VectorIndex.Store;

namespace FaceSearch.VectorIndex.Tests;

public sealed unsafe class HnswIndexTests
{
    [Fact]
    public void Recall_is_high_and_rises_with_ef()
    {
        float[][] rows = TestData.FaceLike(8000, 128, seed: 1);
        using HnswIndex index = Build(rows);
        double narrow = Recall(index, rows, ef: 16), wide = Recall(index, rows, ef: 256);
        narrow.ShouldBeGreaterThan(0.8);
        wide.ShouldBeGreaterThan(0.99);
        wide.ShouldBeGreaterThanOrEqualTo(narrow);
    }

    [Fact]
    public void Concurrent_inserts_build_as_good_a_graph()
    {
        float[][] rows = TestData.FaceLike(8000, 128, seed: 1);
        using var index = new HnswIndex(new HnswOptions { MaxVectors = 10_000 });
        Parallel.For(0, rows.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => index.Add(i, rows[i]));
        GraphInvariants.Check(index);
        Recall(index, rows, ef: 256).ShouldBeGreaterThan(0.99);
    }

    [Fact]
    public void Rows_keep_degree_bounds_and_every_live_node_is_reachable()
    {
        using HnswIndex index = Build(TestData.FaceLike(3000, 64, seed: 2), m: 6);
        GraphInvariants.Check(index);
    }

    [Fact]
    public void A_row_chosen_by_selection_obeys_the_heuristic()
    {
        float[][] rows = TestData.FaceLike(1500, 128, seed: 3);
        using HnswIndex index = Build(rows);
        SlotStore store = index.Store;
        // The last node's own row is exactly what Algorithm 4 selected for it: nobody has linked to it since.
        int last = rows.Length - 1;
        List<int> kept = GraphInvariants.Neighbours(index.Graph.Base, last);
        kept.Count.ShouldBeGreaterThan(1);
        for (int i = 1; i < kept.Count; i++)
        {
            int toBase = CodeProduct(store, kept[i], last);
            CodeProduct(store, kept[i], last).ShouldBeLessThanOrEqualTo(CodeProduct(store, kept[i - 1], last), "neighbours are kept best first");
            for (int j = 0; j < i; j++) CodeProduct(store, kept[i], kept[j]).ShouldBeLessThanOrEqualTo(toBase);
        }
    }

    [Fact]
    public void Recall_survives_heavy_churn()
    {
        float[][] rows = TestData.FaceLike(6000, 128, seed: 4);
        using HnswIndex index = Build(rows);
        double before = Recall(index, rows, ef: 64);
        var random = new Random(5);
        int[] order = [.. Enumerable.Range(0, rows.Length)];
        for (int round = 0; round < 4; round++)
        {
            random.Shuffle(order);
            foreach (int i in order.AsSpan(0, 1500)) index.Remove(i).ShouldBeTrue();
            GraphInvariants.Check(index);
            Recall(index, rows, ef: 64).ShouldBeGreaterThan(before - 0.01);
            foreach (int i in order.AsSpan(0, 1500)) index.Add(i, rows[i]);
        }

        GraphInvariants.Check(index);
        Recall(index, rows, ef: 64).ShouldBeGreaterThan(before - 0.01);
        index.Store.High.ShouldBeLessThan(rows.Length + 1500 + 300, "slots are used again");
    }

    [Fact]
    public void Removing_everything_empties_the_index_and_it_can_be_filled_again()
    {
        float[][] rows = TestData.FaceLike(500, 128, seed: 6);
        using HnswIndex index = Build(rows);
        for (int i = 0; i < rows.Length; i++) index.Remove(i).ShouldBeTrue();
        index.Count.ShouldBe(0);
        index.Search(rows[0], new Neighbour[3]).Count.ShouldBe(0);
        for (int i = 0; i < rows.Length; i++) index.Add(i, rows[i]);
        GraphInvariants.Check(index);
        Recall(index, rows, ef: 128).ShouldBeGreaterThan(0.99);
    }

    [Fact]
    public void An_update_moves_an_id()
    {
        float[][] rows = TestData.FaceLike(600, 128, seed: 7);
        using HnswIndex index = Build(rows);
        float[] target = TestData.Unit(new Random(8), 128);
        index.Update(42, target);
        var results = new Neighbour[5];
        index.Search(target, results);
        results[0].Id.ShouldBe(42);
        results[0].Score.ShouldBe(1, 1e-5f);
        results.Count(r => r.Id == 42).ShouldBe(1);
        index.Count.ShouldBe(600);
    }

    internal static HnswIndex Build(float[][] rows, int m = 16)
    {
        var index = new HnswIndex(new HnswOptions { Dimension = rows[0].Length, M = m, MaxVectors = 20_000 });
        for (int i = 0; i < rows.Length; i++) index.Add(i, rows[i]);
        return index;
    }

    /// <summary>recall@1 of noisy copies of what is in the index, against an exact scan.</summary>
    internal static double Recall(IVectorIndex index, float[][] rows, int ef)
    {
        var random = new Random(99);
        using var exact = new FlatIndex(new IndexOptions { Dimension = rows[0].Length, MaxVectors = rows.Length });
        for (int i = 0; i < rows.Length; i++)
        {
            if (index.Contains(i)) exact.Add(i, rows[i]);
        }

        var found = new Neighbour[1];
        var truth = new Neighbour[1];
        int hits = 0;
        for (int q = 0; q < 400; q++)
        {
            float[] query = TestData.Near(random, rows[random.Next(rows.Length)], 0.6f);
            index.Search(query, found, new SearchOptions { EfSearch = ef });
            exact.Search(query, truth);
            if (found[0].Id == truth[0].Id) hits++;
        }

        return hits / 400.0;
    }

    private static int CodeProduct(SlotStore store, int a, int b)
    {
        int sum = 0;
        for (int i = 0; i < store.Stride; i++) sum += (store.Codes.Row(a)[i] - 64) * (store.Codes.Row(b)[i] - 64);
        return sum;
    }
}

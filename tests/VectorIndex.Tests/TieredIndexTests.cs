namespace FaceSearch.VectorIndex.Tests;

public sealed class TieredIndexTests
{
    private static readonly float[][] s_rows = TestData.FaceLike(4000, 64, seed: 21);

    private static readonly TieredOptions s_options = new() { Dimension = 64, Crossover = 1000, MaxVectors = 8000, BuildThreads = 2, EfSearch = 200 };

    [Fact]
    public void It_moves_to_the_graph_and_back_by_itself()
    {
        using var index = new TieredIndex(s_options);
        for (int i = 0; i < 999; i++) index.Add(i, s_rows[i]);
        index.Settle();
        index.UsesGraph.ShouldBeFalse();
        for (int i = 999; i < 3000; i++) index.Add(i, s_rows[i]);
        index.Settle();
        index.UsesGraph.ShouldBeTrue();
        index.TailLength.ShouldBe(0);
        HnswIndexTests.Recall(index, s_rows, ef: 200).ShouldBeGreaterThan(0.99);
        for (int i = 0; i < 2600; i++) index.Remove(i).ShouldBeTrue();
        index.Settle();
        index.UsesGraph.ShouldBeFalse();
        index.Count.ShouldBe(400);
        HnswIndexTests.Recall(index, s_rows, ef: 0).ShouldBe(1.0);
    }

    [Fact]
    public void An_added_vector_is_found_by_the_very_next_search()
    {
        using var index = new TieredIndex(s_options with { Crossover = 500 });
        var result = new Neighbour[1];
        for (int i = 0; i < s_rows.Length; i++)
        {
            index.Add(i, s_rows[i]);
            index.Search(s_rows[i], result, new SearchOptions { EfSearch = 16 }).Count.ShouldBe(1);
            result[0].Score.ShouldBe(1, 1e-5f);
        }
    }

    [Fact]
    public void A_removed_vector_is_found_by_no_later_search()
    {
        using var index = new TieredIndex(s_options with { Crossover = 500 });
        for (int i = 0; i < 2000; i++) index.Add(i, s_rows[i]);
        var results = new Neighbour[3];
        for (int i = 0; i < 2000; i++)
        {
            if (i % 3 == 0) index.Remove(i).ShouldBeTrue();
            if (i % 3 != 0) continue;
            int n = index.Search(s_rows[i], results).Count;
            results[..n].ShouldAllBe(r => r.Id != i);
        }
    }

    [Fact]
    public void Selective_filters_are_answered_exactly()
    {
        using var index = new TieredIndex(s_options);
        var model = new NaiveIndex();
        for (int i = 0; i < s_rows.Length; i++) index.Add(i, model.Vectors[i] = s_rows[i]);
        index.Settle();
        index.UsesGraph.ShouldBeTrue();
        SlotFilter few = index.CreateFilter([.. Enumerable.Range(0, 40).Select(i => i * 100L)]);
        var results = new Neighbour[50];
        SearchOutcome outcome = index.Search(s_rows[9], results, new SearchOptions { Filter = few });
        outcome.Exact.ShouldBeTrue();
        model.ShouldEqual(results.AsSpan(0, outcome.Count), s_rows[9], 50, accepts: id => id % 100 == 0);
        outcome = index.Search(s_rows[9], results.AsSpan(0, 10), new SearchOptions { Filter = new Even() });
        outcome.Exact.ShouldBeFalse();
        outcome.Count.ShouldBe(10);
        results.Take(10).ShouldAllBe(r => r.Id % 2 == 0);
    }

    [Fact]
    public void A_snapshot_with_a_tail_comes_back_and_the_tail_is_moved()
    {
        using var folder = new TempFolder();
        using (var index = new TieredIndex(s_options))
        {
            for (int i = 0; i < 2000; i++) index.Add(i, s_rows[i]);
            index.Settle();
            for (int i = 2000; i < 2500; i++) index.Add(i, s_rows[i]);
            index.Save(folder.File("a"));
        }

        using TieredIndex loaded = TieredIndex.Load(folder.File("a"), VectorStorage.Mapped, s_options);
        loaded.Count.ShouldBe(2500);
        loaded.UsesGraph.ShouldBeTrue();
        var result = new Neighbour[1];
        for (int i = 0; i < 2500; i += 17)
        {
            loaded.Search(s_rows[i], result);
            result[0].Score.ShouldBe(1, 1e-5f);
        }

        loaded.Settle();
        loaded.TailLength.ShouldBe(0);
    }

    private sealed class Even : IIdFilter
    {
        public bool Accepts(long id) => id % 2 == 0;
    }
}

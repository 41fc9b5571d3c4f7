namespace FaceSearch.VectorIndex.Tests;

public sealed class FlatIndexTests
{
    [Theory]
    [InlineData(16)]
    [InlineData(128)]
    [InlineData(208)]
    public void Results_equal_the_plain_scan(int dimension)
    {
        float[][] rows = TestData.FaceLike(3000, dimension, seed: 1);
        using var index = new FlatIndex(new IndexOptions { Dimension = dimension, MaxVectors = 5000 });
        var model = new NaiveIndex();
        for (int i = 0; i < rows.Length; i++)
        {
            index.Add(i * 7L, rows[i]);
            model.Vectors[i * 7L] = rows[i];
        }

        var random = new Random(2);
        var results = new Neighbour[100];
        foreach (int k in new[] { 1, 10, 100 })
        {
            for (int q = 0; q < 40; q++)
            {
                float[] query = q % 2 == 0 ? TestData.Unit(random, dimension) : TestData.Near(random, rows[random.Next(rows.Length)], 0.5f);
                SearchOutcome outcome = index.Search(query, results.AsSpan(0, k));
                outcome.Exact.ShouldBeTrue();
                model.ShouldEqual(results.AsSpan(0, outcome.Count), query, k);
            }
        }
    }

    [Fact]
    public void A_batch_returns_what_single_searches_return()
    {
        float[][] rows = TestData.FaceLike(2000, 128, seed: 3);
        using var index = new FlatIndex(new IndexOptions { MaxVectors = 2000 });
        for (int i = 0; i < rows.Length; i++) index.Add(i, rows[i]);
        const int Queries = 75, K = 5;
        float[] queries = [.. TestData.FaceLike(Queries, 128, seed: 4).SelectMany(q => q)];
        var results = new Neighbour[Queries * K];
        var outcomes = new SearchOutcome[Queries];
        index.SearchBatch(queries, K, results, outcomes);
        var single = new Neighbour[K];
        for (int q = 0; q < Queries; q++)
        {
            index.Search(queries.AsSpan(q * 128, 128), single).Count.ShouldBe(outcomes[q].Count);
            results.AsSpan(q * K, K).ToArray().ShouldBe(single);
        }
    }

    [Fact]
    public void Thousands_of_duplicates_are_ranked_by_id()
    {
        var random = new Random(5);
        float[] same = TestData.Unit(random, 128);
        using var index = new FlatIndex(new IndexOptions { MaxVectors = 10_000 });
        for (int i = 9_999; i >= 0; i--) index.Add(i, same);
        var results = new Neighbour[20];
        index.Search(same, results).Count.ShouldBe(20);
        results.Select(r => r.Id).ShouldBe(Enumerable.Range(0, 20).Select(i => (long)i));
    }

    [Fact]
    public void Four_thousand_results_come_sorted()
    {
        float[][] rows = TestData.FaceLike(6000, 64, seed: 6);
        using var index = new FlatIndex(new IndexOptions { Dimension = 64, MaxVectors = 6000 });
        var model = new NaiveIndex();
        for (int i = 0; i < rows.Length; i++) index.Add(i, model.Vectors[i] = rows[i]);
        var results = new Neighbour[4096];
        index.Search(rows[0], results).Count.ShouldBe(4096);
        model.ShouldEqual(results, rows[0], 4096);
    }

    [Fact]
    public void Threshold_and_filters_narrow_the_results_exactly()
    {
        float[][] rows = TestData.FaceLike(2000, 128, seed: 8);
        using var index = new FlatIndex(new IndexOptions { MaxVectors = 2000 });
        var model = new NaiveIndex();
        for (int i = 0; i < rows.Length; i++) index.Add(i, model.Vectors[i] = rows[i]);
        var results = new Neighbour[50];
        int n = index.Search(rows[5], results, new SearchOptions { MinScore = 0.3f }).Count;
        model.ShouldEqual(results.AsSpan(0, n), rows[5], 50, minScore: 0.3f);
        n = index.Search(rows[5], results, new SearchOptions { Filter = new Odd() }).Count;
        model.ShouldEqual(results.AsSpan(0, n), rows[5], 50, accepts: id => id % 2 == 1);
        SlotFilter some = index.CreateFilter([.. Enumerable.Range(0, 30).Select(i => i * 3L), 99_999]);
        some.Count.ShouldBe(30);
        n = index.Search(rows[5], results, new SearchOptions { Filter = some }).Count;
        n.ShouldBe(30);
        model.ShouldEqual(results.AsSpan(0, n), rows[5], 50, accepts: id => id % 3 == 0 && id < 90);
    }

    [Fact]
    public void Wrong_vectors_and_ids_are_refused_with_the_reason()
    {
        using var index = new FlatIndex(new IndexOptions { MaxVectors = 2 });
        var random = new Random(9);
        index.Add(1, TestData.Unit(random, 128));
        Should.Throw<DuplicateIdException>(() => index.Add(1, TestData.Unit(random, 128))).Id.ShouldBe(1);
        Should.Throw<UnknownIdException>(() => index.Update(2, TestData.Unit(random, 128))).Id.ShouldBe(2);
        Should.Throw<InvalidVectorException>(() => index.Add(2, new float[64])).Message.ShouldContain("64");
        Should.Throw<InvalidVectorException>(() => index.Add(2, new float[128]));
        float[] infinite = TestData.Unit(random, 128);
        infinite[3] = float.NaN;
        Should.Throw<InvalidVectorException>(() => index.Add(2, infinite));
        index.Add(2, TestData.Unit(random, 128));
        Should.Throw<IndexFullException>(() => index.Add(3, TestData.Unit(random, 128)));
        index.Remove(3).ShouldBeFalse();
        Should.Throw<ArgumentException>(() => index.Search(TestData.Unit(random, 128), []));
        index.Count.ShouldBe(2);
    }

    private sealed class Odd : IIdFilter
    {
        public bool Accepts(long id) => id % 2 == 1;
    }
}

namespace FaceSearch.VectorIndex.Tests;

/// <summary>The model every engine is held against: a dictionary and a sort.</summary>
internal sealed class NaiveIndex
{
    public Dictionary<long, float[]> Vectors { get; } = [];

    public List<Neighbour> Search(float[] query, int k, float minScore = float.NegativeInfinity, Func<long, bool>? accepts = null) =>
    [
        .. Vectors.Where(v => accepts?.Invoke(v.Key) ?? true)
            .Select(v => new Neighbour(v.Key, TestData.Dot(query, v.Value)))
            .Where(n => n.Score >= minScore)
            .OrderByDescending(n => n.Score).ThenBy(n => n.Id)
            .Take(k),
    ];

    /// <summary>
    /// The same ids in the same order, where neighbours whose scores differ by less than float32 rounding may change places.
    /// </summary>
    public void ShouldEqual(ReadOnlySpan<Neighbour> actual, float[] query, int k, float minScore = float.NegativeInfinity, Func<long, bool>? accepts = null)
    {
        List<Neighbour> expected = Search(query, k, minScore, accepts);
        actual.Length.ShouldBe(expected.Count);
        for (int i = 0; i < actual.Length; i++)
        {
            actual[i].Score.ShouldBe(expected[i].Score, 2e-6f);
            Vectors.ShouldContainKey(actual[i].Id);
            (accepts?.Invoke(actual[i].Id) ?? true).ShouldBeTrue();
            TestData.Dot(query, Vectors[actual[i].Id]).ShouldBe(actual[i].Score, 2e-6f);
        }

        actual.ToArray().Select(n => n.Id).Distinct().Count().ShouldBe(actual.Length);
    }
}

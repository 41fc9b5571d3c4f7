using FaceSearch.VectorIndex;
using FaceSearch.VectorIndex.Clustering;

namespace FaceSearch.Clustering.Tests;

public sealed class SelfJoinTests
{
    [Theory]
    [InlineData(1, 5)]
    [InlineData(3, 40)]
    public void Neighbours_are_the_best_others_best_first(int threads, int k)
    {
        Samples samples = Samples.Draw(21, groups: 60, largest: 6, scatter: 1.0);
        using FlatIndex index = samples.ToFlatIndex();
        Dictionary<long, Neighbour[]> found = [];
        SelfJoin.Run(index, samples.Ids, new SelfJoinOptions { MaxNeighbours = k, Threads = threads }, (id, near) => found.Add(id, near.ToArray()));
        found.Count.ShouldBe(samples.Ids.Length);
        for (int i = 0; i < samples.Ids.Length; i++)
        {
            long[] expected = [.. Enumerable.Range(0, samples.Ids.Length).Where(j => j != i).OrderByDescending(j => samples.Score(i, j)).Take(k).Select(j => samples.Ids[j])];
            found[samples.Ids[i]].Select(n => n.Id).ShouldBe(expected);
        }
    }

    [Fact]
    public void Duplicates_are_exactly_the_pairs_above_the_score()
    {
        Samples samples = Samples.Draw(22, groups: 60, largest: 6, scatter: 0.6);
        using FlatIndex index = samples.ToFlatIndex();
        IReadOnlyList<DuplicatePair> pairs = DuplicateFinder.Find(index, samples.Ids, 0.7f, new SelfJoinOptions { MaxNeighbours = 500 });
        List<(long, long)> expected = [];
        for (int i = 0; i < samples.Ids.Length; i++)
        {
            for (int j = i + 1; j < samples.Ids.Length; j++)
            {
                if (samples.Score(i, j) >= 0.7) expected.Add((samples.Ids[i], samples.Ids[j]));
            }
        }

        expected.ShouldNotBeEmpty();
        pairs.Select(p => (p.A, p.B)).Order().ShouldBe(expected.Order());
        pairs.Select(p => p.Score).ShouldBeInOrder(SortDirection.Descending);
    }

    [Fact]
    public void Duplicates_with_an_id_outside_the_set_are_left_out()
    {
        Samples samples = Samples.Draw(23, groups: 60, largest: 6, scatter: 0.6);
        using FlatIndex index = samples.ToFlatIndex();
        long[] half = [.. samples.Ids.Where(id => id % 2 == 0)];
        IReadOnlyList<DuplicatePair> pairs = DuplicateFinder.Find(index, half, 0.6f);
        pairs.ShouldNotBeEmpty();
        pairs.ShouldAllBe(p => p.A % 2 == 0 && p.B % 2 == 0 && p.A < p.B);
    }

    [Fact]
    public void An_id_that_is_not_there_is_named()
    {
        using var index = new FlatIndex(new IndexOptions { Dimension = 32 });
        Should.Throw<UnknownIdException>(() => SelfJoin.Run(index, new long[] { 4 }, new SelfJoinOptions(), (_, _) => { })).Id.ShouldBe(4);
    }

    [Fact]
    public void Codes_alone_are_enough_to_find_near_copies()
    {
        Samples samples = Samples.Draw(24, groups: 100, largest: 3, scatter: 0.1);
        using var index = new FlatIndex(new IndexOptions { Dimension = 32, Storage = VectorStorage.CodesOnly });
        for (int i = 0; i < samples.Ids.Length; i++) index.Add(samples.Ids[i], samples.Vector(i));
        Dictionary<long, long> truth = samples.Ids.Zip(samples.Truth).ToDictionary(p => p.First, p => p.Second);
        IReadOnlyList<DuplicatePair> pairs = DuplicateFinder.Find(index, samples.Ids, 0.9f);
        pairs.ShouldNotBeEmpty();
        pairs.ShouldAllBe(p => truth[p.A] == truth[p.B]);
    }
}

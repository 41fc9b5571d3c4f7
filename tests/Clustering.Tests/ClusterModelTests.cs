using FaceSearch.VectorIndex;
using FaceSearch.VectorIndex.Clustering;

namespace FaceSearch.Clustering.Tests;

public sealed class ClusterModelTests
{
    [Theory]
    [InlineData(1, 0.3f)]
    [InlineData(2, 0.45f)]
    [InlineData(3, 0.6f)]
    [InlineData(4, 0.1f)]
    public void Average_linkage_equals_the_textbook_at_every_threshold(int seed, float threshold)
    {
        Samples samples = Samples.Draw(seed, groups: 30, largest: 6, scatter: 0.9);
        Canonical(Batch(samples, new ClusterOptions { Linkage = Linkage.Average, Threshold = threshold, MaxNeighbours = 500 }))
            .ShouldBe(Canonical(NaiveLinkage.Average(samples, threshold)));
    }

    [Theory]
    [InlineData(1, 0.4f)]
    [InlineData(2, 0.52f)]
    [InlineData(3, 0.7f)]
    public void Evidence_linkage_equals_its_definition_over_all_pairs_on_the_complete_graph(int seed, float threshold)
    {
        Samples samples = Samples.Draw(seed, groups: 25, largest: 6, scatter: 0.9);
        Canonical(Batch(samples, new ClusterOptions { Threshold = threshold, GraphScore = -1, MaxNeighbours = 500 }))
            .ShouldBe(Canonical(NaiveLinkage.Evidence(samples, threshold)));
    }

    [Fact]
    public void Well_separated_groups_are_found_and_single_vectors_stay_single()
    {
        Samples samples = Samples.Draw(5, groups: 300, largest: 8, scatter: 0.4, dimension: 128);
        Metrics(samples, Batch(samples, new ClusterOptions())).BCubedF.ShouldBe(1);
    }

    [Theory]
    [InlineData(Linkage.Average)]
    [InlineData(Linkage.Evidence)]
    public void The_order_of_vectors_and_the_number_of_threads_do_not_change_the_groups(Linkage linkage)
    {
        Samples samples = Samples.Draw(6, groups: 200, largest: 8, scatter: 1.0);
        string expected = Canonical(Batch(samples, new ClusterOptions { Linkage = linkage, Threshold = 0.4f, MaxNeighbours = 1000, Threads = 1 }));
        for (int shuffle = 0; shuffle < 5; shuffle++)
        {
            Canonical(Batch(samples.Shuffle(shuffle), new ClusterOptions { Linkage = linkage, Threshold = 0.4f, MaxNeighbours = 1000, Threads = 1 + shuffle }))
                .ShouldBe(expected);
        }
    }

    [Fact]
    public void Identical_vectors_give_one_group_whatever_the_order()
    {
        Samples one = Samples.Draw(7, groups: 1, largest: 1, scatter: 0);
        var samples = new Samples(32, [9, 3, 7, 5], [.. Enumerable.Repeat(one.Vectors, 4).SelectMany(v => v)], [0, 0, 0, 0]);
        Batch(samples, new ClusterOptions()).ShouldHaveSingleItem().ShouldBe([3L, 5, 7, 9]);
    }

    [Fact]
    public void A_higher_threshold_never_makes_fewer_groups_with_average_linkage()
    {
        Samples samples = Samples.Draw(8, groups: 100, largest: 6, scatter: 1.0);
        int[] counts = [.. new[] { 0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f }.Select(t =>
            Batch(samples, new ClusterOptions { Linkage = Linkage.Average, Threshold = t, MaxNeighbours = 1000 }).Count)];
        counts.ShouldBe(counts.Order());
        counts[0].ShouldBeLessThan(counts[^1]);
    }

    [Theory]
    [InlineData(Linkage.Average)]
    [InlineData(Linkage.Evidence)]
    public void Regrouping_after_many_additions_equals_the_batch(Linkage linkage)
    {
        Samples samples = Samples.Draw(9, groups: 200, largest: 8, scatter: 1.0);
        var options = new ClusterOptions { Linkage = linkage, Threshold = 0.4f, MaxNeighbours = 1000 };
        using FlatIndex index = samples.ToFlatIndex();
        var model = new ClusterModel(index, options);
        foreach (long[] part in samples.Shuffle(1).Ids.Chunk(37)) model.Add(part);
        model.Regroup();
        Canonical(model.Groups()).ShouldBe(Canonical(Batch(samples, options)));
    }

    [Fact]
    public void Additions_one_by_one_come_within_two_hundredths_of_the_batch_before_regrouping()
    {
        Samples samples = Samples.Draw(10, groups: 400, largest: 8, scatter: 0.8, dimension: 128);
        using FlatIndex index = samples.ToFlatIndex();
        var model = new ClusterModel(index);
        foreach (long id in samples.Shuffle(2).Ids) model.Add(new[] { id });
        ClusterMetrics batch = Metrics(samples, Batch(samples, new ClusterOptions())), grown = Metrics(samples, model.Groups());
        batch.BCubedF.ShouldBeGreaterThan(0.95);
        grown.BCubedF.ShouldBe(batch.BCubedF, 0.02);
    }

    [Theory]
    [InlineData(Linkage.Average)]
    [InlineData(Linkage.Evidence)]
    public void A_model_restored_from_the_edges_of_another_goes_on_as_if_it_had_searched_itself(Linkage linkage)
    {
        Samples samples = Samples.Draw(13, groups: 200, largest: 8, scatter: 1.0);
        var options = new ClusterOptions { Linkage = linkage, Threshold = 0.4f, MaxNeighbours = 1000 };
        using FlatIndex index = samples.ToFlatIndex();
        long[] shuffled = samples.Shuffle(3).Ids;
        long gone = shuffled[0];
        var earlier = new ClusterModel(index, options);
        earlier.Add(shuffled.AsMemory(0, shuffled.Length - 50));
        earlier.Remove(gone);
        earlier.Edges().ShouldNotContain(edge => edge.A == gone || edge.B == gone);

        var model = new ClusterModel(index, options);
        model.Restore(shuffled.AsSpan(1, shuffled.Length - 51), earlier.Edges());
        model.Add(shuffled.AsMemory(shuffled.Length - 50));

        int[] kept = [.. Enumerable.Range(0, samples.Ids.Length).Where(i => samples.Ids[i] != gone)];
        var rest = new Samples(32, [.. kept.Select(i => samples.Ids[i])], [.. kept.SelectMany(i => samples.Vector(i).ToArray())], [.. kept.Select(i => samples.Truth[i])]);
        Canonical(model.Groups()).ShouldBe(Canonical(Batch(rest, options)));
        Should.Throw<DuplicateIdException>(() => model.Restore(shuffled.AsSpan(1, 1), []));
    }

    [Fact]
    public void A_removed_id_leaves_its_group_and_regrouping_forgets_its_influence()
    {
        Samples samples = Samples.Draw(11, groups: 100, largest: 6, scatter: 1.0);
        var options = new ClusterOptions { Threshold = 0.4f, MaxNeighbours = 1000 };
        using FlatIndex index = samples.ToFlatIndex();
        var model = new ClusterModel(index, options);
        model.Add(samples.Ids);
        int[] kept = [.. Enumerable.Range(0, samples.Ids.Length).Where(i => i % 3 != 0)];
        for (int i = 0; i < samples.Ids.Length; i += 3)
        {
            model.Remove(samples.Ids[i]).ShouldBeTrue();
            model.Remove(samples.Ids[i]).ShouldBeFalse();
            model.Contains(samples.Ids[i]).ShouldBeFalse();
        }

        model.Groups().SelectMany(g => g).Order().ShouldBe(kept.Select(i => samples.Ids[i]));
        model.Regroup();
        var rest = new Samples(32, [.. kept.Select(i => samples.Ids[i])], [.. kept.SelectMany(i => samples.Vector(i).ToArray())], [.. kept.Select(i => samples.Truth[i])]);
        Canonical(model.Groups()).ShouldBe(Canonical(Batch(rest, options)));
        model.Add(new[] { samples.Ids[0] });
        model.Contains(samples.Ids[0]).ShouldBeTrue();
    }

    [Fact]
    public void An_approximate_graph_groups_nearly_as_the_exact_one()
    {
        Samples samples = Samples.Draw(12, groups: 600, largest: 6, scatter: 0.7, dimension: 128);
        using var graph = new HnswIndex(new HnswOptions { Dimension = 128 });
        for (int i = 0; i < samples.Ids.Length; i++) graph.Add(samples.Ids[i], samples.Vector(i));
        var model = new ClusterModel(graph);
        model.Add(samples.Ids);
        Metrics(samples, model.Groups()).BCubedF.ShouldBe(Metrics(samples, Batch(samples, new ClusterOptions())).BCubedF, 0.01);
    }

    [Fact]
    public void Ids_outside_the_model_do_not_take_part()
    {
        Samples samples = Samples.Draw(13, groups: 40, largest: 6, scatter: 0.5);
        using FlatIndex index = samples.ToFlatIndex();
        var model = new ClusterModel(index, new ClusterOptions { MaxNeighbours = 500 });
        long[] half = [.. samples.Ids.Where(id => id % 2 == 0)];
        model.Add(half);
        model.Groups().SelectMany(g => g).Order().ShouldBe(half);
        model.GroupOf(half[0]).ShouldContain(half[0]);
        model.Groups(minSize: 2).ShouldAllBe(g => g.Length >= 2);
    }

    [Fact]
    public void Unknown_and_repeated_ids_are_refused_and_change_nothing()
    {
        Samples samples = Samples.Draw(14, groups: 10, largest: 3, scatter: 0.5);
        using FlatIndex index = samples.ToFlatIndex();
        var model = new ClusterModel(index);
        Should.Throw<UnknownIdException>(() => model.Add(new long[] { 1000, 5 })).Id.ShouldBe(5);
        Should.Throw<DuplicateIdException>(() => model.Add(new long[] { 1000, 1000 }));
        model.Count.ShouldBe(0);
        model.Add(new long[] { 1000 });
        Should.Throw<DuplicateIdException>(() => model.Add(new long[] { 1001, 1000 }));
        model.Count.ShouldBe(1);
        Should.Throw<UnknownIdException>(() => model.GroupOf(1001));
    }

    [Fact]
    public void A_cancelled_search_adds_nothing_and_progress_reaches_the_end()
    {
        Samples samples = Samples.Draw(15, groups: 300, largest: 4, scatter: 0.5);
        using FlatIndex index = samples.ToFlatIndex();
        var model = new ClusterModel(index, new ClusterOptions { Threads = 1 });
        using var cancel = new CancellationTokenSource();
        Should.Throw<OperationCanceledException>(() => model.Add(samples.Ids, new Recorder(_ => cancel.Cancel()), cancel.Token));
        model.Count.ShouldBe(0);
        List<ClusterProgress> seen = [];
        model.Add(samples.Ids, new Recorder(seen.Add), CancellationToken.None);
        seen.Where(p => p.Stage == ClusterStage.Searching).Max(p => p.Done).ShouldBe(samples.Ids.Length);
        seen.Where(p => p.Stage == ClusterStage.Searching).Select(p => p.Done).ShouldBeInOrder();
        seen[^1].Stage.ShouldBe(ClusterStage.Joining);
        seen[^1].Done.ShouldBe(seen[^1].Total);
    }

    [Fact]
    public void Joining_that_was_cancelled_goes_on_at_the_next_call()
    {
        Samples samples = Samples.Draw(16, groups: 100, largest: 6, scatter: 0.8);
        var options = new ClusterOptions { MaxNeighbours = 1000 };
        using FlatIndex index = samples.ToFlatIndex();
        var model = new ClusterModel(index, options);
        using var cancel = new CancellationTokenSource();
        var atLast = new Recorder(p =>
        {
            if (p.Stage == ClusterStage.Searching && p.Done == p.Total) cancel.Cancel();
        });
        Should.Throw<OperationCanceledException>(() => model.Add(samples.Ids, atLast, cancel.Token));
        if (model.Count > 0) model.Add(Array.Empty<long>());
        else model.Add(samples.Ids);
        Canonical(model.Groups()).ShouldBe(Canonical(Batch(samples, options)));
    }

    [Theory]
    [InlineData(1.5f, null, 64)]
    [InlineData(float.NaN, null, 64)]
    [InlineData(0.5f, 0.6f, 64)]
    [InlineData(0.5f, null, 0)]
    [InlineData(0.5f, null, 4096)]
    public void Options_out_of_bounds_are_refused(float threshold, float? graphScore, int neighbours)
    {
        using var index = new FlatIndex(new IndexOptions { Dimension = 32 });
        Should.Throw<ArgumentException>(() => new ClusterModel(index, new ClusterOptions { Threshold = threshold, GraphScore = graphScore, MaxNeighbours = neighbours }));
    }

    private static IReadOnlyList<long[]> Batch(Samples samples, ClusterOptions options)
    {
        using FlatIndex index = samples.ToFlatIndex();
        var model = new ClusterModel(index, options);
        model.Add(samples.Ids);
        return model.Groups();
    }

    private static string Canonical(IEnumerable<long[]> groups) =>
        string.Join("; ", groups.OrderBy(g => g[0]).Select(g => string.Join(' ', g)));

    private static ClusterMetrics Metrics(Samples samples, IReadOnlyList<long[]> groups)
    {
        Dictionary<long, long> group = [];
        foreach (long[] members in groups) foreach (long id in members) group[id] = members[0];
        return ClusterMetrics.Of(samples.Truth, samples.Ids.Select(id => group[id]).ToArray());
    }

    private sealed class Recorder(Action<ClusterProgress> action) : IProgress<ClusterProgress>
    {
        public void Report(ClusterProgress value) => action(value);
    }
}

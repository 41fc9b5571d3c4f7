namespace FaceSearch.Evaluation.Tests;

public sealed class IdentificationSearchTests
{
    [Theory]
    [InlineData(128)]
    [InlineData(37)]
    public void Blocked_search_equals_a_naive_triple_loop(int dimension)
    {
        var data = SyntheticFaces.Generate(400, 1, 4, seed: 3, dimension);
        var rows = TestData.RowsByIdentity(data.Identities);
        var enrolled = rows.Take(300).SelectMany(r => r.Take(Math.Max(1, r.Length - 1))).Reverse().ToArray();
        var probes = rows.SelectMany(r => r.TakeLast(1)).ToArray();
        int[] Labels(int[] picked) => [.. picked.Select(r => data.Identities[r])];

        var found = IdentificationSearch.Run(data.Templates.Select(enrolled), Labels(enrolled), data.Templates.Select(probes), Labels(probes), threads: 2);

        for (var p = 0; p < probes.Length; p++)
        {
            var best = new Dictionary<int, double>();
            foreach (var row in enrolled)
            {
                double score = 0;
                for (var i = 0; i < dimension; i++) score += (double)data.Templates.Row(probes[p])[i] * data.Templates.Row(row)[i];
                var identity = data.Identities[row];
                best[identity] = Math.Max(best.GetValueOrDefault(identity, -2), score);
            }
            var own = data.Identities[probes[p]];
            var others = best.Where(b => b.Key != own).OrderByDescending(b => b.Value).ToArray();
            ((double)found.ImpostorScores[p]).ShouldBe(others[0].Value, 1e-5);
            ((double)found.SecondImpostorScores[p]).ShouldBe(others[1].Value, 1e-5);
            found.ImpostorIdentities[p].ShouldBe(others[0].Key);
            if (best.TryGetValue(own, out var mated))
            {
                ((double)found.MatedScores[p]).ShouldBe(mated, 1e-5);
                found.MatedRanks[p].ShouldBe(1 + others.Count(o => o.Value >= mated));
            }
            else
            {
                found.MatedScores[p].ShouldBe(float.NaN);
                found.MatedRanks[p].ShouldBe(0);
            }
        }
    }

    [Fact]
    public void A_gallery_of_one_identity_has_no_impostors_for_its_own_probe()
    {
        var one = new EmbeddingMatrix([1, 0], 2);
        var found = IdentificationSearch.Run(one, [7], new EmbeddingMatrix([1, 0, 0, 1], 2), [7, 8]);
        found.ImpostorScores.ShouldBe([float.NegativeInfinity, 0f]);
        found.ImpostorIdentities.ShouldBe([-1, 7]);
        found.MatedRanks.ShouldBe([1, 0]);
    }

    [Fact]
    public void A_tie_counts_against_the_right_identity()
    {
        var gallery = new EmbeddingMatrix([1, 0, 1, 0], 2);
        IdentificationSearch.Run(gallery, [1, 2], new EmbeddingMatrix([1, 0], 2), [1]).MatedRanks.ShouldBe([2]);
    }

    [Fact]
    public void An_empty_gallery_answers_with_no_candidate()
    {
        var found = IdentificationSearch.Run(new EmbeddingMatrix([], 2), [], new EmbeddingMatrix([1, 0], 2), [1]);
        found.ImpostorScores.ShouldBe([float.NegativeInfinity]);
        found.ImpostorIdentities.ShouldBe([-1]);
    }

    [Fact]
    public void Disagreeing_shapes_are_refused()
    {
        var two = new EmbeddingMatrix([1, 0], 2);
        Should.Throw<ArgumentException>(() => IdentificationSearch.Run(two, [1], new EmbeddingMatrix([1, 0, 0], 3), [1]));
        Should.Throw<ArgumentException>(() => IdentificationSearch.Run(two, [1, 2], two, [1]));
        Should.Throw<ArgumentException>(() => IdentificationSearch.Run(two, [1], two, []));
    }
}

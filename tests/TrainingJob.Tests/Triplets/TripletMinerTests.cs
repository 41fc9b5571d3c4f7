using FaceSearch.TrainingJob.Training;
using FaceSearch.TrainingJob.Triplets;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Tests.Triplets;

/// <summary>Each miner against a naive loop over all triplets, on 300 random batches.</summary>
public sealed class TripletMinerTests
{
    private static readonly float[] Margins = [0.05f, 0.2f, 1f];

    [Fact]
    public void Semi_hard_takes_for_every_pair_the_nearest_negative_beyond_the_positive_inside_the_margin() => Compare(NegativeKind.SemiHard, (batch, margin) =>
        batch.All().Where(t => batch.IsSemiHard(t, margin)).GroupBy(t => (t.Anchor, t.Positive))
            .Select(pair => pair.OrderBy(t => batch.Distance(t.Anchor, t.Negative)).ThenBy(t => t.Negative).First()));

    [Fact]
    public void Hard_takes_the_furthest_positive_and_the_nearest_negative_of_every_anchor() => Compare(NegativeKind.Hard, (batch, _) =>
        batch.All().GroupBy(t => t.Anchor).Select(anchor => anchor
            .OrderByDescending(t => batch.Distance(t.Anchor, t.Positive)).ThenBy(t => t.Positive)
            .ThenBy(t => batch.Distance(t.Anchor, t.Negative)).ThenBy(t => t.Negative).First()));

    [Fact]
    public void All_takes_every_triplet_with_a_loss() => Compare(NegativeKind.All, (batch, margin) => batch.All().Where(t => batch.IsActive(t, margin)));

    [Fact]
    public void Counts_are_those_of_the_loop()
    {
        int active = 0;
        for (int seed = 0; seed < 100; seed++)
        {
            NaiveTriplets batch = NaiveTriplets.Random(seed);
            MinedTriplets mined = TripletMiner.Of(NegativeKind.SemiHard).Mine(batch.Distances(), batch.Identities);
            mined.Possible.ShouldBe(batch.All().Count());
            mined.Pairs.ShouldBe(batch.All().Select(t => (t.Anchor, t.Positive)).Distinct().Count());
            mined.Active.ShouldBe(batch.All().Count(t => batch.IsActive(t, 0.2f)));
            mined.ActiveShare.ShouldBe(mined.Possible == 0 ? 0 : batch.All().Average(t => batch.IsActive(t, 0.2f) ? 1.0 : 0));
            active += (int)mined.Active;
        }
        active.ShouldBeGreaterThan(1000);
    }

    [Fact]
    public void Offline_mining_gives_the_triplets_of_one_great_batch()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(4, CPU);
        const int Count = 600;
        Tensor embeddings = nn.functional.normalize(randn([Count, 8], generator: generator), 2, 1);
        int[] identities = [.. Enumerable.Range(0, Count).Select(i => i * 7 % 50)];
        foreach (NegativeKind kind in Enum.GetValues<NegativeKind>())
        {
            MinedTriplets offline = OfflineMiner.Mine(embeddings, identities, kind, 0.1f);
            MinedTriplets online = TripletMiner.Of(kind, 0.1f).Mine(SquaredDistances.Of(embeddings), identities);
            offline.Triplets.ShouldBe(online.Triplets);
            (offline.Pairs, offline.Possible, offline.Active).ShouldBe((online.Pairs, online.Possible, online.Active));
            offline.Triplets.Count.ShouldBeGreaterThan(Count / 2);
        }
    }

    [Fact]
    public void Distances_by_Torch_are_those_of_the_loop()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            NaiveTriplets batch = NaiveTriplets.Random(seed);
            using Tensor embeddings = tensor(batch.Embeddings, [batch.Count, NaiveTriplets.Dimension]);
            SquaredDistances distances = SquaredDistances.Of(embeddings);
            for (int a = 0; a < batch.Count; a++)
            {
                for (int b = 0; b < batch.Count; b++)
                    distances.From(a)[b].ShouldBe(batch.Distance(a, b), 1e-5f);
            }
        }
    }

    [Fact]
    public void Wrong_lengths_and_margins_are_refused()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => TripletMiner.Of(NegativeKind.Hard, 0));
        Should.Throw<ArgumentException>(() => TripletMiner.Of(NegativeKind.Hard).Mine(new SquaredDistances(new float[4], 2), [1]));
        Should.Throw<ArgumentException>(() => new SquaredDistances(new float[5], 2));
    }

    private static void Compare(NegativeKind kind, Func<NaiveTriplets, float, IEnumerable<Triplet>> naive)
    {
        int found = 0;
        for (int seed = 0; seed < 300; seed++)
        {
            NaiveTriplets batch = NaiveTriplets.Random(seed);
            float margin = Margins[seed % Margins.Length];
            IReadOnlyList<Triplet> mined = TripletMiner.Of(kind, margin).Mine(batch.Distances(), batch.Identities).Triplets;
            mined.OrderBy(Key).ShouldBe(naive(batch, margin).OrderBy(Key), $"batch {seed}");
            found += mined.Count;
        }
        found.ShouldBeGreaterThan(1000);

        static (int, int, int) Key(Triplet t) => (t.Anchor, t.Positive, t.Negative);
    }
}

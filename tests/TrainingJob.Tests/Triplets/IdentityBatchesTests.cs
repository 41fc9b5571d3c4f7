using FaceSearch.TrainingJob.Triplets;

namespace FaceSearch.TrainingJob.Tests.Triplets;

public sealed class IdentityBatchesTests
{
    /// <summary>As in the wild: half of the people have one image, most of the others two or three, one has hundreds.</summary>
    private static readonly int[] Wild =
    [
        .. Enumerable.Range(0, 200), .. Enumerable.Range(200, 100).SelectMany(p => Enumerable.Repeat(p, 2 + p % 3)), .. Enumerable.Repeat(300, 400),
    ];

    [Fact]
    public void A_batch_holds_P_identities_of_K_images_and_no_image_twice()
    {
        int[] plenty = [.. Enumerable.Range(0, 30).SelectMany(p => Enumerable.Repeat(p, 20))];
        foreach (int[] batch in new IdentityBatches(plenty, 6, 5).Epoch(0))
        {
            batch.Distinct().Count().ShouldBe(batch.Length);
            var sizes = batch.GroupBy(i => plenty[i]).Select(g => g.Count()).ToArray();
            sizes.ShouldAllBe(s => s == 5);
            sizes.Length.ShouldBe(6);
        }
    }

    [Fact]
    public void An_epoch_visits_every_identity_of_two_images_once()
    {
        var batches = new IdentityBatches(Wild, 8, 4).Epoch(3);
        int[] identities = [.. batches.SelectMany(b => b.Select(i => Wild[i]).Distinct())];
        identities.Order().ShouldBe(Enumerable.Range(200, 101));
    }

    [Fact]
    public void Identities_of_few_images_give_what_they_have_and_others_fill_the_batch()
    {
        var batches = new IdentityBatches(Wild, 8, 4).Epoch(0);
        foreach (int[] batch in batches.SkipLast(1))
        {
            batch.Length.ShouldBeInRange(32, 35);
            batch.GroupBy(i => Wild[i]).ShouldAllBe(g => g.Count() >= 2 && g.Count() <= 4);
        }
        batches.ShouldAllBe(b => b.Select(i => Wild[i]).Distinct().Count() >= 2);
    }

    [Fact]
    public void Negatives_come_from_everybody_even_people_of_one_image()
    {
        var batches = new IdentityBatches(Wild, 8, 4, negatives: 16).Epoch(0);
        batches.SelectMany(b => b).Select(i => Wild[i]).ShouldContain(p => p < 200);
        foreach (int[] batch in batches.SkipLast(1))
        {
            batch.Length.ShouldBeInRange(48, 51);
            batch.Distinct().Count().ShouldBe(batch.Length);
        }
    }

    [Fact]
    public void Hard_negatives_come_before_random_ones_and_the_batch_stays_as_large()
    {
        Dictionary<int, int[]> hard = Enumerable.Range(0, Wild.Length).ToDictionary(i => i, i => new[] { (i + 200) % Wild.Length });
        var random = new IdentityBatches(Wild, 8, 4, negatives: 16).Epoch(0);
        var mined = new IdentityBatches(Wild, 8, 4, negatives: 16).Epoch(0, hard);
        int[] before = [.. random[0].SkipLast(16)], batch = mined[0];
        batch[..before.Length].ShouldBe(before);
        batch.Length.ShouldBe(random[0].Length);
        batch.Distinct().Count().ShouldBe(batch.Length);
        batch[before.Length..].ShouldBeSubsetOf(before.Select(i => (i + 200) % Wild.Length));
    }

    [Fact]
    public void The_same_seed_and_epoch_give_the_same_batches_and_others_give_others()
    {
        int[] first = Flat(new IdentityBatches(Wild, 8, 4, 5, seed: 3).Epoch(7));
        Flat(new IdentityBatches(Wild, 8, 4, 5, seed: 3).Epoch(7)).ShouldBe(first);
        Flat(new IdentityBatches(Wild, 8, 4, 5, seed: 3).Epoch(8)).ShouldNotBe(first);
        Flat(new IdentityBatches(Wild, 8, 4, 5, seed: 4).Epoch(7)).ShouldNotBe(first);

        static int[] Flat(IReadOnlyList<int[]> batches) => [.. batches.SelectMany(b => b)];
    }

    /// <summary>Every mix of sizes must give batches from which triplets can be made.</summary>
    [Fact]
    public void Every_batch_of_every_mix_of_identities_has_a_triplet()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            int[] identities = [.. Enumerable.Range(0, random.Next(2, 30)).SelectMany(p => Enumerable.Repeat(p, p < 2 ? 2 : random.Next(1, 9)))];
            int p = random.Next(2, 6), k = random.Next(2, 6), negatives = random.Next(0, 10);
            foreach (int[] batch in new IdentityBatches(identities, p, k, negatives, seed).Epoch(seed))
            {
                var groups = batch.GroupBy(i => identities[i]).ToArray();
                groups.Length.ShouldBeGreaterThan(1);
                groups.ShouldContain(g => g.Count() >= 2);
                batch.Length.ShouldBeLessThanOrEqualTo(Math.Min(identities.Length, p * k + 2 * (k - 1) + k + negatives));
                batch.Distinct().Count().ShouldBe(batch.Length);
            }
        }
    }

    [Fact]
    public void Data_without_two_people_of_two_images_is_refused_with_a_count() =>
        Should.Throw<ArgumentException>(() => new IdentityBatches([1, 1, 1, 2, 3], 2, 2)).Message.ShouldContain("1 of 3 identities have two");
}

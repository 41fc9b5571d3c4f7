using FaceSearch.Grains.Galleries;

namespace FaceSearch.Grains.Tests.Galleries;

public sealed class BucketMapTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 2)]
    [InlineData(64, 3)]
    public void Every_identity_has_one_shard_a_layer_newest_first(int width, int layers)
    {
        BucketMap map = new(width, layers);
        for (int person = 0; person < 500; person++)
        {
            int[] shards = map.ShardsOf($"person-{person}");
            shards.Length.ShouldBe(layers);
            for (int i = 0; i < layers; i++)
                (shards[i] / width).ShouldBe(layers - 1 - i);
            shards.Select(s => s % width).Distinct().Count().ShouldBe(1);
        }
    }

    [Fact]
    public void Growing_keeps_the_shards_that_identities_have()
    {
        BucketMap small = new(4, 1), grown = small.GrownPast(2);
        grown.ShardCount.ShouldBe(8);
        for (int person = 0; person < 200; person++)
            grown.ShardsOf($"person-{person}")[^1].ShouldBe(small.ShardsOf($"person-{person}")[0]);
    }

    [Fact]
    public void A_full_shard_of_an_older_layer_adds_nothing() => new BucketMap(2, 2).GrownPast(1).ShouldBe(new BucketMap(2, 2));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void The_buckets_of_a_layer_are_shared_out_completely_and_evenly(int width)
    {
        BucketMap map = new(width, 2);
        int[] counts = [.. Enumerable.Range(0, width).Select(map.BucketsOf)];
        counts.Sum().ShouldBe(Buckets.Count);
        (counts.Max() - counts.Min()).ShouldBeLessThanOrEqualTo(1);
    }

    [Fact]
    public void The_hash_of_an_identity_is_part_of_the_stored_format() => Buckets.Of("Ada Lovelace").ShouldBe(689);
}

using FaceSearch.Grains.Placement;

namespace FaceSearch.Grains.Tests.Placement;

public sealed class SeatingTests
{
    private static readonly (string, double)[] Three = [("10.0.0.1:11111", 8), ("10.0.0.2:11111", 8), ("10.0.0.3:11111", 8)];

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Equal_silos_hold_equally_many_shards_of_a_gallery_to_within_one(int silos)
    {
        (string, double)[] equal = [.. Enumerable.Range(0, silos).Select(i => ($"10.0.0.{i}:11111", 8.0))];
        for (int shards = 1; shards <= 32; shards++)
        {
            int[] held = Count("people", shards, equal);
            (held.Max() - held.Min()).ShouldBeLessThanOrEqualTo(1, $"{shards} shards: {string.Join(", ", held)}");
        }
    }

    [Fact]
    public void A_silo_with_twice_the_memory_holds_twice_the_shards() =>
        Count("people", 40, [("a:1", 16), ("b:1", 8), ("c:1", 8)]).ShouldBe([20, 10, 10]);

    [Fact]
    public void The_order_in_which_silos_are_known_does_not_matter()
    {
        (string Name, double)[] turned = [Three[2], Three[0], Three[1]];
        for (int shard = 0; shard < 20; shard++)
            turned[Seating.Choose(new ShardId("people", 1, shard), turned)].Name.ShouldBe(Three[Seating.Choose(new ShardId("people", 1, shard), Three)].Item1);
    }

    [Fact]
    public void One_more_silo_moves_not_much_more_than_the_shards_that_it_takes()
    {
        int moved = 0, all = 0;
        for (int gallery = 0; gallery < 100; gallery++)
        {
            for (int shard = 0; shard < 12; shard++, all++)
            {
                ShardId id = new($"g{gallery}", 1, shard);
                moved += Three[Seating.Choose(id, Three[..2])].Item1 == Three[Seating.Choose(id, Three)].Item1 ? 0 : 1;
            }
        }
        ((double)moved / all).ShouldBeInRange(0.33, 0.6);
    }

    private static int[] Count(string gallery, int shards, (string, double)[] silos)
    {
        int[] held = new int[silos.Length];
        for (int shard = 0; shard < shards; shard++)
            held[Seating.Choose(new ShardId(gallery, 1, shard), silos)]++;
        return held;
    }
}

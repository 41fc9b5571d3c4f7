using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace FaceSearch.Grains.Placement;

/// <summary>
/// Which silo a shard belongs to: a function of the gallery, the shard's number and the silos there are, so that every silo comes to
/// the same answer without asking. Rendezvous hashing with a bound: each shard in turn takes the silo that its hash likes best
/// among those that hold less than their share of the shards so far. So a gallery's shards are spread by weight to within one. A
/// third silo that joins two takes a third of the shards and moves about half of them: the price of the even spread.
/// </summary>
internal static class Seating
{
    /// <param name="shard">The shard.</param>
    /// <param name="silos">Name (which must outlast a restart) and weight (above 0) of each silo; at least one.</param>
    /// <returns>Index into <paramref name="silos"/>.</returns>
    public static int Choose(ShardId shard, IReadOnlyList<(string Name, double Weight)> silos)
    {
        double total = silos.Sum(s => s.Weight);
        int[] seated = new int[silos.Count];
        int chosen = 0;
        for (int number = 0; number <= shard.Shard; number++)
        {
            chosen = -1;
            ulong best = 0;
            for (int i = 0; i < silos.Count; i++)
            {
                // Rounded: shares like 3 * (1 / 3) must not lose a seat to the last bit.
                double share = Math.Ceiling(Math.Round((number + 1) * silos[i].Weight / total, 9));
                if (seated[i] >= share)
                    continue;
                ulong score = Score(shard with { Shard = number }, silos[i].Name);
                if (chosen < 0 || score > best || (score == best && string.CompareOrdinal(silos[i].Name, silos[chosen].Name) < 0))
                    (chosen, best) = (i, score);
            }
            seated[chosen]++;
        }
        return chosen;
    }

    private static ulong Score(ShardId shard, string silo) =>
        XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{shard}|{silo}")));
}

namespace FaceSearch.Evaluation;

/// <summary>A figure that models are compared on; each is a share, greater is better.</summary>
public enum PromotionMetric
{
    /// <summary>True accept rate where one impostor pair in a thousand is accepted (1:1).</summary>
    TarAtFar1E3,

    /// <summary>Share of probes whose own identity is the gallery's best (1:N, closed set).</summary>
    Rank1,

    /// <summary>Share of probes found and accepted where one stranger in a hundred is accepted (1:N, open set).</summary>
    TpirAtFpir1,

    /// <summary>Of a cohort alone: share of its people's non-mated searches that accept nobody, where everybody's accept one in a hundred.</summary>
    StrangersRejected,
}

/// <summary>
/// One model's scores of a set of faces, kept so that every figure can be had for any weighting of the people: a bootstrap
/// resample is a weighting. Gallery: each person's first face; probes: their other faces. Groups: 0 is everybody, then one a cohort;
/// a cohort's figures are of its own people's genuine pairs and probes, against everybody, at everybody's thresholds, as a gallery
/// has one threshold for all. Both kinds of damage show: people of a cohort no longer found, and people of a cohort taken for others.
/// </summary>
internal sealed class ModelScores
{
    private const double Far = 1e-3, Fpir = 0.01;

    /// <summary>Highest impostor pairs kept: as a share of all, and at least.</summary>
    private const double KeptShare = 0.02;
    private const int LeastKept = 20_000;

    private readonly record struct Pair(float Score, int A, int B);

    private readonly record struct Probe(int Person, bool Hit, float Mated, float Impostor);

    private readonly bool[][] groups;
    private readonly float[][] genuine;
    private readonly int[] faces;
    private readonly Pair[] impostors;
    private readonly Probe[] probes;

    /// <param name="matrix">Embeddings.</param>
    /// <param name="people">The person of each row.</param>
    /// <param name="groups">For each group: whether a person belongs to it.</param>
    public ModelScores(EmbeddingMatrix matrix, IReadOnlyList<int> people, bool[][] groups)
    {
        this.groups = groups;
        var persons = groups[0].Length;
        faces = new int[persons];
        foreach (var person in people) faces[person]++;
        (genuine, impostors) = ScorePairs(matrix, people);
        probes = [.. Search(matrix, people).OrderByDescending(p => p.Impostor)];
    }

    /// <summary>A figure of a group under a weighting of the people; NaN where the group has nothing to measure.</summary>
    public double Figure(PromotionMetric metric, int group, ReadOnlySpan<int> weights) => metric switch
    {
        PromotionMetric.TarAtFar1E3 => TrueAcceptRate(group, weights),
        PromotionMetric.Rank1 => Rank1(group, weights),
        PromotionMetric.StrangersRejected => StrangersRejected(group, weights),
        _ => TruePositiveIdentificationRate(group, weights),
    };

    private double TrueAcceptRate(int group, ReadOnlySpan<int> weights)
    {
        var threshold = ImpostorThreshold(weights);
        long accepted = 0, all = 0;
        for (var person = 0; person < genuine.Length; person++)
        {
            if (!groups[group][person] || weights[person] == 0) continue;
            all += (long)weights[person] * genuine[person].Length;
            accepted += (long)weights[person] * SortedScores.CountAtOrAbove(genuine[person], threshold);
        }
        return (double)accepted / all;
    }

    /// <summary>Just above the impostor pair at which the weight of accepted pairs would pass the rate.</summary>
    private float ImpostorThreshold(ReadOnlySpan<int> weights)
    {
        var allowed = Far * ImpostorWeight(weights) + 1e-9;
        double passed = 0;
        foreach (var pair in impostors)
        {
            passed += (double)weights[pair.A] * weights[pair.B];
            if (passed > allowed) return MathF.BitIncrement(pair.Score);
        }
        return impostors is [.., var lowest] ? lowest.Score : float.NegativeInfinity;
    }

    /// <summary>Pairs of faces of two people, weighted.</summary>
    private double ImpostorWeight(ReadOnlySpan<int> weights)
    {
        double all = 0, squares = 0;
        for (var person = 0; person < faces.Length; person++)
        {
            var weight = (double)weights[person] * faces[person];
            all += weight;
            squares += weight * weight;
        }
        return (all * all - squares) / 2;
    }

    private double Rank1(int group, ReadOnlySpan<int> weights)
    {
        long hits = 0, all = 0;
        foreach (var probe in probes)
        {
            if (!groups[group][probe.Person]) continue;
            all += weights[probe.Person];
            if (probe.Hit) hits += weights[probe.Person];
        }
        return (double)hits / all;
    }

    private double TruePositiveIdentificationRate(int group, ReadOnlySpan<int> weights)
    {
        var threshold = SearchThreshold(weights);
        long found = 0, all = 0;
        foreach (var probe in probes)
        {
            if (!groups[group][probe.Person]) continue;
            all += weights[probe.Person];
            if (probe.Hit && probe.Mated >= threshold) found += weights[probe.Person];
        }
        return (double)found / all;
    }

    private double StrangersRejected(int group, ReadOnlySpan<int> weights)
    {
        var threshold = SearchThreshold(weights);
        long rejected = 0, all = 0;
        foreach (var probe in probes)
        {
            if (!groups[group][probe.Person]) continue;
            all += weights[probe.Person];
            if (probe.Impostor < threshold) rejected += weights[probe.Person];
        }
        return (double)rejected / all;
    }

    /// <summary>Just above the non-mated search at which the weight of accepted ones would pass the rate.</summary>
    private float SearchThreshold(ReadOnlySpan<int> weights)
    {
        long all = 0, passed = 0;
        foreach (var probe in probes) all += weights[probe.Person];
        var allowed = Fpir * all + 1e-9;
        foreach (var probe in probes)
        {
            passed += weights[probe.Person];
            if (passed > allowed) return MathF.BitIncrement(probe.Impostor);
        }
        return float.NegativeInfinity;
    }

    private (float[][] Genuine, Pair[] Impostors) ScorePairs(EmbeddingMatrix matrix, IReadOnlyList<int> people)
    {
        var own = new List<float>[faces.Length];
        for (var person = 0; person < own.Length; person++) own[person] = [];
        var kept = Math.Max(LeastKept, (int)(KeptShare * matrix.Rows * (matrix.Rows - 1L) / 2));
        var top = new Highest(kept);
        var scores = new float[matrix.Rows];
        for (var i = 0; i < matrix.Rows; i++)
        {
            var later = scores.AsSpan(i + 1);
            DotKernel.Scores(matrix.Row(i), matrix.Values[((i + 1) * matrix.Dimension)..], later);
            for (var j = i + 1; j < matrix.Rows; j++)
            {
                if (people[i] == people[j]) own[people[i]].Add(scores[j]);
                else top.Add(new(scores[j], people[i], people[j]));
            }
        }
        return ([.. own.Select(s => s.Order().ToArray())], top.Descending());
    }

    private static IEnumerable<Probe> Search(EmbeddingMatrix matrix, IReadOnlyList<int> people)
    {
        var first = new HashSet<int>();
        List<int> gallery = [], rest = [];
        for (var i = 0; i < people.Count; i++) (first.Add(people[i]) ? gallery : rest).Add(i);
        int[] galleryPeople = [.. gallery.Select(i => people[i])], probePeople = [.. rest.Select(i => people[i])];
        var outcomes = IdentificationSearch.Run(matrix.Select([.. gallery]), galleryPeople, matrix.Select([.. rest]), probePeople);
        for (var i = 0; i < probePeople.Length; i++)
            yield return new Probe(probePeople[i], outcomes.MatedRanks[i] == 1, outcomes.MatedScores[i], outcomes.ImpostorScores[i]);
    }

    /// <summary>The highest pairs of a stream.</summary>
    private sealed class Highest(int count)
    {
        private readonly List<Pair> pairs = [];
        private float least = float.NegativeInfinity;

        public void Add(Pair pair)
        {
            if (pair.Score < least) return;
            pairs.Add(pair);
            if (pairs.Count < 2 * count) return;
            Cut();
            least = pairs[^1].Score;
        }

        public Pair[] Descending()
        {
            Cut();
            return [.. pairs];
        }

        private void Cut()
        {
            pairs.Sort((a, b) => b.Score.CompareTo(a.Score));
            if (pairs.Count > count) pairs.RemoveRange(count, pairs.Count - count);
        }
    }
}

using FaceSearch.Grains.Shards;

namespace FaceSearch.Grains.Identification;

/// <summary>Joins the candidate lists of shards.</summary>
internal static class Merge
{
    /// <summary>The best identities of all answers: one row each, higher score first, ties by identity id so that equal searches give equal lists.</summary>
    public static Candidate[] Best(ShardAnswer?[] answers, int top)
    {
        Dictionary<string, Candidate> best = new(StringComparer.Ordinal);
        foreach (ShardAnswer? answer in answers)
        {
            if (answer is null)
                continue;
            foreach (Candidate candidate in answer.Candidates)
            {
                if (!best.TryGetValue(candidate.Identity, out Candidate? known) || candidate.Score > known.Score)
                    best[candidate.Identity] = candidate;
            }
        }
        Candidate[] merged = [.. best.Values];
        Array.Sort(merged, Compare);
        return merged.Length > top ? merged[..top] : merged;
    }

    private static int Compare(Candidate a, Candidate b)
    {
        int byScore = b.Score.CompareTo(a.Score);
        return byScore != 0 ? byScore : string.CompareOrdinal(a.Identity, b.Identity);
    }
}

using FaceSearch.VectorIndex;

namespace FaceSearch.Grains.Shards;

/// <summary>What a shard's search found.</summary>
internal readonly record struct ShardFinding(List<Candidate> Candidates, bool StoppedEarly);

/// <summary>From nearest templates to best identities.</summary>
internal static class ShardSearch
{
    private const int MostNeighbours = 4096;

    [ThreadStatic]
    private static Neighbour[]? s_neighbours;

    /// <summary>
    /// The <see cref="ShardQuery.Top"/> best identities, one row each with its best template, best first. An identity with many
    /// templates may fill the neighbour list, so the list grows until enough identities are found or nothing is left.
    /// </summary>
    public static ShardFinding Run(ShardDirectory directory, TieredIndex index, int generation, ShardQuery query, RecallAuditor? auditor = null)
    {
        SearchOptions options = new() { DecisionThreshold = query.DecisionThreshold };
        if (query.Filter is { Count: > 0 })
        {
            long[] templates = MetadataFilter.Templates(directory, query.Filter);
            if (templates.Length == 0)
                return new ShardFinding([], false);
            options = options with { Filter = index.CreateFilter(templates) };
        }
        Neighbour[] neighbours = s_neighbours ??= new Neighbour[MostNeighbours];
        for (int k = Math.Min(MostNeighbours, (2 * query.Top) + 6); ; k = Math.Min(MostNeighbours, 4 * k))
        {
            SearchOutcome outcome = index.Search(query.Probe.Values, neighbours.AsSpan(0, k), options);
            if (options.Filter is null && !outcome.Exact)
                auditor?.Observe(query.Probe.Values, neighbours.AsSpan(0, outcome.Count));
            List<Candidate> candidates = Group(directory, neighbours.AsSpan(0, outcome.Count), generation, query.Top);
            if (candidates.Count == query.Top || outcome.Count < k || k == MostNeighbours)
                return new ShardFinding(candidates, outcome.StoppedEarly);
        }
    }

    private static List<Candidate> Group(ShardDirectory directory, ReadOnlySpan<Neighbour> neighbours, int generation, int top)
    {
        List<Candidate> candidates = new(Math.Min(top, neighbours.Length));
        foreach (Neighbour neighbour in neighbours)
        {
            // A template without an owner was removed, or is not acknowledged yet, at this very moment.
            if (!directory.TryGetOwner(neighbour.Id, out IdentityEntry? owner) || Listed(candidates, owner.Id))
                continue;
            candidates.Add(new Candidate(owner.Id, neighbour.Score, new TemplateId(neighbour.Id), generation, owner.State.Metadata));
            if (candidates.Count == top)
                break;
        }
        return candidates;
    }

    private static bool Listed(List<Candidate> candidates, string identity)
    {
        foreach (Candidate candidate in candidates)
        {
            if (candidate.Identity == identity)
                return true;
        }
        return false;
    }
}

/// <summary>Which templates a metadata filter lets through.</summary>
internal static class MetadataFilter
{
    /// <summary>Templates of all identities that have, for every key of the filter, one of its values.</summary>
    public static long[] Templates(ShardDirectory directory, IReadOnlyDictionary<string, string[]> filter)
    {
        List<long> templates = [];
        foreach (IdentityEntry entry in directory.Entries)
        {
            IdentityState state = entry.State;
            if (Accepts(state.Metadata, filter))
                templates.AddRange(state.Templates);
        }
        return [.. templates];
    }

    private static bool Accepts(IReadOnlyDictionary<string, string> metadata, IReadOnlyDictionary<string, string[]> filter)
    {
        if (metadata.Count == 0)
            return false;
        foreach ((string key, string[] values) in filter)
        {
            if (!metadata.TryGetValue(key, out string? value) || Array.IndexOf(values, value) < 0)
                return false;
        }
        return true;
    }
}

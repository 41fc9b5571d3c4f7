using System.Globalization;
using System.Text;

namespace FaceSearch.ServerBench.Cluster.Traces;

/// <summary>
/// One identification from the client's clock to the shards' searches. All processes are on one machine, so their clocks agree. The parts follow
/// each other and add up to what the client saw.
/// </summary>
internal sealed class RequestTrace
{
    private const string IdentifyCall = "IIdentifyGrain", ShardCall = "IGalleryShardGrain", Search = "shard.search";

    private readonly Span[] _spans;
    private readonly Span _http;

    private RequestTrace(Span[] spans, Span http, Span grain, double clientMs, IReadOnlyList<(string, double)> parts, IReadOnlyList<(double, double, double)> shards)
    {
        (_spans, _http, FannedOutBy, ClientMs, Parts, Shards) = (spans, http, grain.Process, clientMs, parts, shards);
    }

    public double ClientMs { get; }

    /// <summary>The silo whose identify grain asked the shards.</summary>
    public string FannedOutBy { get; }

    public IReadOnlyList<(string Part, double Ms)> Parts { get; }

    /// <summary>Of each shard: its call's time on the way, before the search (grain, wait for a search thread) and in the search, ms.</summary>
    public IReadOnlyList<(double Way, double Before, double Search)> Shards { get; }

    /// <summary>Null if not all of its spans have come.</summary>
    /// <param name="spans">Of one trace.</param>
    /// <param name="clientMs">What the client measured.</param>
    public static RequestTrace? Of(Span[] spans, double clientMs)
    {
        Span? http = spans.SingleOrDefault(IsRequest), gateway = One("identify"), call = Call(IdentifyCall, Span.Client), grain = Call(IdentifyCall, Span.Server), fanOut = One("identify.fan_out");
        Span[] asked = [.. spans.Where(s => s.Kind == Span.Client && s.Name.Contains(ShardCall, StringComparison.Ordinal))];
        Span[] searches = [.. spans.Where(s => s.Name == Search).OrderBy(s => s.Start)];
        if (http is null || gateway is null || call is null || grain is null || fanOut is null || asked.Length != ClusterSettings.Shards || searches.Length != ClusterSettings.Shards)
            return null;
        (Span Asked, Span Answered, Span Searched)[] shards = [.. asked.Select(a => (a, Below(a), searches.Single(s => Above(s).Contains(a.Id))))];
        long busy = Union(searches), first = searches[0].Start, last = searches.Max(s => s.End);
        return new RequestTrace(spans, http, grain, clientMs,
        [
            ("client, sockets, Kestrel", clientMs - http.Milliseconds),
            ("HTTP: routing, key, limits, body, JSON", http.Milliseconds - gateway.Milliseconds),
            ("gateway's handler", gateway.Milliseconds - call.Milliseconds),
            ("way to the identify grain and back", call.Milliseconds - grain.Milliseconds),
            ("identify grain: view, threshold, decision", grain.Milliseconds - fanOut.Milliseconds),
            ("fan-out, until the first shard searches", (first - fanOut.Start) / 1e6),
            ("searching: at least one of the 8 shards", busy / 1e6),
            ("between searches: no shard searches", (last - first - busy) / 1e6),
            ("fan-out, from the last search's end to all answers", (fanOut.End - last) / 1e6),
        ],
        [.. shards.Select(s => (s.Asked.Milliseconds - s.Answered.Milliseconds, s.Answered.Milliseconds - s.Searched.Milliseconds, s.Searched.Milliseconds))]);

        Span? One(string name) => spans.SingleOrDefault(s => s.Name == name);
        Span? Call(string grainType, int kind) => spans.SingleOrDefault(s => s.Kind == kind && s.Name.Contains(grainType, StringComparison.Ordinal));
        Span Below(Span span) => spans.Single(s => s.Kind == Span.Server && s.Parent == span.Id);
        IEnumerable<string> Above(Span span)
        {
            for (Span? at = span; at is not null; at = spans.FirstOrDefault(s => s.Id == at.Parent))
                yield return at.Id;
        }
    }

    public static bool IsRequest(Span span) => span.Kind == Span.Server && span.Name.EndsWith("/identify", StringComparison.Ordinal);

    /// <summary>All spans as a tree on one scale of time.</summary>
    public string Draw()
    {
        const int Width = 48;
        StringBuilder text = new();
        Write(_http, 0);
        return text.ToString();

        void Write(Span span, int depth)
        {
            int from = At(span.Start), to = Math.Max(from + 1, At(span.End));
            string bar = new string(' ', from) + new string('#', to - from) + new string(' ', Math.Max(0, Width - to));
            text.Append(CultureInfo.InvariantCulture, $"{(span.Start - _http.Start) / 1e6,7:F3} {span.Milliseconds,7:F3} |{bar}| {new string(' ', depth)}{span.Name}{(span.Kind == Span.Client ? " (asked)" : "")}, {span.Process}\n");
            foreach (Span child in _spans.Where(s => s.Parent == span.Id).OrderBy(s => s.Start))
                Write(child, depth + 1);
        }

        int At(long time) => Math.Clamp((int)((time - _http.Start) * Width / Math.Max(1, _http.End - _http.Start)), 0, Width - 1);
    }

    /// <summary>Nanoseconds in which at least one of them was under way.</summary>
    private static long Union(Span[] byStart)
    {
        long all = 0, until = long.MinValue;
        foreach (Span span in byStart)
        {
            all += Math.Max(0, span.End - Math.Max(span.Start, until));
            until = Math.Max(until, span.End);
        }
        return all;
    }
}

namespace FaceSearch.ScaleModel;

/// <summary>A cluster under load. Times are seconds.</summary>
internal sealed record ClusterModel
{
    /// <summary>Shards that every query asks.</summary>
    public required int Shards { get; init; }

    /// <summary>Hosts that together hold every shard once; with replicas there are <see cref="Replicas"/> times as many.</summary>
    public required int Hosts { get; init; }

    /// <summary>Cores of a host: searches that run at once; the others wait in one queue, first come first served.</summary>
    public required int Cores { get; init; }

    public required ServiceTimes Service { get; init; }

    /// <summary>Queries a second, arriving as a Poisson process.</summary>
    public required double Rate { get; init; }

    public int Replicas { get; init; } = 1;

    /// <summary>After how long a host's silence its shards are also asked of a replica; null: never.</summary>
    public double? HedgeAfter { get; init; }

    /// <summary>One way between the asking silo and a host: this, and an exponential part of mean <see cref="HopJitter"/>.</summary>
    public double Hop { get; init; }

    public double HopJitter { get; init; }

    /// <summary>Merging of one shard's answer at the asking silo.</summary>
    public double MergePerShard { get; init; }

    /// <summary>Share of the time that a host is slow (collections, snapshots, neighbours on the machine): all its searches at once.</summary>
    public double SlowShare { get; init; }

    /// <summary>How many times longer a search takes that starts on a slow host.</summary>
    public double SlowFactor { get; init; } = 1;

    /// <summary>Mean length of a slow spell (exponential).</summary>
    public double SlowSpell { get; init; } = 0.2;

    /// <summary>Share of a core's time that is used, without hedged work.</summary>
    public double Utilisation => Rate * Shards / ((double)Hosts * Replicas * Cores) * Service.Mean * (1 + (SlowShare * (SlowFactor - 1)));

    /// <summary>Shards are dealt out evenly: some hosts have one more.</summary>
    public int ShardsOf(int host) => (Shards / Hosts) + (host < Shards % Hosts ? 1 : 0);
}

/// <summary>What a simulation saw.</summary>
/// <param name="Latencies">Of each counted query, from its arrival to the merged answer, in order of arrival; seconds.</param>
/// <param name="HostLatencies">Of each part that one host answered, hedged or not, sorted; seconds.</param>
/// <param name="Waits">Of each counted first attempt: how long its first search waited for a core.</param>
/// <param name="HedgedShare">Parts that were asked of a replica too, of all.</param>
internal sealed record SimulationResult(double[] Latencies, double[] HostLatencies, double[] Waits, double HedgedShare)
{
    private double[]? _sorted;

    public double Quantile(double q) => Quantiles.Of(_sorted ??= [.. Latencies.Order()], q);
}

internal static class Quantiles
{
    /// <summary>Of sorted values, by linear interpolation.</summary>
    public static double Of(double[] sorted, double q)
    {
        double at = q * (sorted.Length - 1);
        int low = (int)at;
        return low + 1 < sorted.Length ? sorted[low] + ((at - low) * (sorted[low + 1] - sorted[low])) : sorted[low];
    }
}

/// <summary>
/// Simulates queries that ask all shards and wait for the last. Each host has c cores and one queue (M/G/c with batches: a query brings all
/// searches of the host's shards at once). A part's end is known when it arrives, since nothing overtakes in a queue; so the only events are
/// arrivals at hosts, in order of time. A hedged part is not cancelled when the other answer comes: its work is paid for.
/// </summary>
internal sealed class Simulator
{
    private readonly ClusterModel _model;
    private readonly RandomSource _random;
    private readonly Host[] _hosts;
    private readonly PriorityQueue<Part, double> _events = new();

    private Simulator(ClusterModel model, ulong seed)
    {
        _model = model;
        _random = new RandomSource(seed);
        _hosts = [.. Enumerable.Range(0, model.Hosts * model.Replicas).Select(_ => new Host(model, _random))];
    }

    private readonly record struct Part(int Query, int Group, int Replica, bool Hedged, double Sent);

    /// <param name="model">The cluster.</param>
    /// <param name="queries">Counted queries; a tenth as many before them warm the queues up.</param>
    /// <param name="seed">The same seed gives the same result.</param>
    public static SimulationResult Run(ClusterModel model, int queries, ulong seed)
    {
        if (model.Hosts > model.Shards || model.Replicas < 1 || model.Cores < 1 || model.Rate <= 0)
            throw new ArgumentException("A cluster has at least as many shards as hosts, one replica, one core and a positive rate.", nameof(model));
        if (model.Utilisation >= 1)
            throw new ArgumentException("The cluster is asked for more than it can do; its queues would grow for ever.", nameof(model));
        return new Simulator(model, seed).Run(queries);
    }

    private SimulationResult Run(int queries)
    {
        int warm = queries / 10, all = queries + warm;
        double[] arrival = new double[all], end = new double[all];
        // Best answer so far of a query's group while two are under way.
        Dictionary<(int, int), double> first = [];
        List<double> hostLatencies = new(queries * _model.Hosts), waits = [];
        long parts = 0, hedged = 0;
        double next = 0;
        int started = 0;
        while (started < all || _events.Count > 0)
        {
            if (started < all && (!_events.TryPeek(out _, out double at) || next <= at))
            {
                arrival[started] = next;
                for (int group = 0; group < _model.Hosts; group++)
                    Send(new Part(started, group, _model.Replicas == 1 ? 0 : _random.Below(_model.Replicas), false, next), next);
                started++;
                next += _random.Exponential(1 / _model.Rate);
                continue;
            }
            _events.TryDequeue(out Part part, out double now);
            (double done, double wait) = _hosts[(part.Replica * _model.Hosts) + part.Group].Take(now, _model.ShardsOf(part.Group));
            double back = done + Hop();
            parts += part.Hedged ? 0 : 1;
            double answer = back;
            if (part.Hedged)
            {
                first.Remove((part.Query, part.Group), out double other);
                answer = Math.Min(other, back);
            }
            else if (_model.HedgeAfter is { } patience && _model.Replicas > 1 && back > part.Sent + patience)
            {
                hedged++;
                first[(part.Query, part.Group)] = back;
                _events.Enqueue(part with { Replica = (part.Replica + 1) % _model.Replicas, Hedged = true }, Math.Max(now, part.Sent + patience + Hop()));
                continue;
            }
            end[part.Query] = Math.Max(end[part.Query], answer);
            if (part.Query < warm)
                continue;
            hostLatencies.Add(answer - part.Sent);
            if (!part.Hedged)
                waits.Add(wait);
        }
        double merge = _model.MergePerShard * _model.Shards;
        double[] hosts = [.. hostLatencies];
        Array.Sort(hosts);
        return new SimulationResult([.. Enumerable.Range(warm, queries).Select(q => end[q] - arrival[q] + merge)], hosts, [.. waits], parts == 0 ? 0 : (double)hedged / parts);
    }

    private void Send(Part part, double at) => _events.Enqueue(part, at + Hop());

    private double Hop() => _model.Hop + (_model.HopJitter > 0 ? _random.Exponential(_model.HopJitter) : 0);

    private sealed class Host
    {
        private readonly ClusterModel _model;
        private readonly RandomSource _random;

        /// <summary>When each core is free: a heap, the earliest first.</summary>
        private readonly double[] _free;
        private bool _slow;
        private double _turn;

        public Host(ClusterModel model, RandomSource random)
        {
            (_model, _random, _free) = (model, random, new double[model.Cores]);
            _slow = model.SlowShare > 0 && random.Uniform() <= model.SlowShare;
            _turn = model.SlowShare > 0 ? Spell() : double.PositiveInfinity;
        }

        /// <summary>Searches some shards, beginning now; when the last is done, and how long the first waited.</summary>
        public (double Done, double Wait) Take(double now, int shards)
        {
            double done = now, wait = Math.Max(0, _free[0] - now);
            for (int i = 0; i < shards; i++)
            {
                double start = Math.Max(now, _free[0]);
                double finish = start + (_model.Service.Draw(_random) * (SlowAt(start) ? _model.SlowFactor : 1));
                Replace(finish);
                done = Math.Max(done, finish);
            }
            return (done, wait);
        }

        /// <summary>Starts on one host never go back in time, since its queue is first come first served.</summary>
        private bool SlowAt(double time)
        {
            while (time >= _turn)
            {
                _slow = !_slow;
                _turn += Spell();
            }
            return _slow;
        }

        private double Spell() => _random.Exponential(_slow ? _model.SlowSpell : _model.SlowSpell * (1 - _model.SlowShare) / _model.SlowShare);

        private void Replace(double finish)
        {
            int at = 0;
            while (true)
            {
                int child = (2 * at) + 1;
                if (child >= _free.Length)
                    break;
                if (child + 1 < _free.Length && _free[child + 1] < _free[child])
                    child++;
                if (_free[child] >= finish)
                    break;
                _free[at] = _free[child];
                at = child;
            }
            _free[at] = finish;
        }
    }
}

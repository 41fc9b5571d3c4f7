namespace FaceSearch.ScaleModel;

/// <summary>
/// Simulates the hosts as processes of one machine, which a measurement on one machine is compared with. Each process has search threads and
/// a queue of its own; the threads that run share the cores equally, as an operating system's time slices do (processor sharing). There is
/// one copy of each shard, and no slow spells.
/// </summary>
internal sealed class SharedMachine
{
    private readonly ClusterModel _model;
    private readonly int _threads;
    private readonly RandomSource _random;
    private readonly Queue<Search>[] _waiting;
    private readonly int[] _runningOf;
    private readonly List<Search> _running = [];
    private readonly PriorityQueue<(int Query, int Host), double> _asked = new();
    private double _now;

    private SharedMachine(ClusterModel model, int threads, ulong seed)
    {
        (_model, _threads, _random) = (model, threads, new RandomSource(seed));
        _waiting = [.. Enumerable.Range(0, model.Hosts).Select(_ => new Queue<Search>())];
        _runningOf = new int[model.Hosts];
    }

    private record struct Search(int Query, int Host, double Left);

    /// <summary>Share of the cores' time that is used.</summary>
    public static double Utilisation(ClusterModel model) => model.Rate * model.Shards * model.Service.Mean / model.Cores;

    /// <summary>Latencies of queries, from the arrival to the merged answer, in order of arrival; seconds.</summary>
    /// <param name="model">The cluster; its cores are the machine's.</param>
    /// <param name="threads">Search threads of a process.</param>
    /// <param name="queries">Counted queries; a tenth as many before them warm the queues up.</param>
    /// <param name="seed">The same seed gives the same result.</param>
    public static double[] Run(ClusterModel model, int threads, int queries, ulong seed)
    {
        if (model.Hosts > model.Shards || model.Replicas != 1 || threads < 1 || model.Cores < 1 || model.Rate <= 0)
            throw new ArgumentException("A machine has at least as many shards as processes, one copy of each, a thread, a core and a positive rate.", nameof(model));
        if (Utilisation(model) >= 1)
            throw new ArgumentException("The machine is asked for more than it can do; its queues would grow for ever.", nameof(model));
        return new SharedMachine(model, threads, seed).Run(queries);
    }

    private double[] Run(int queries)
    {
        int warm = queries / 10, all = queries + warm, started = 0, answered = 0;
        double[] arrival = new double[all], end = new double[all];
        int[] hosts = new int[all], searches = new int[all * _model.Hosts];
        double next = 0;
        while (answered < all)
        {
            double speed = Math.Min(1, _model.Cores / (double)Math.Max(1, _running.Count));
            int first = Shortest();
            double done = first < 0 ? double.PositiveInfinity : _now + (_running[first].Left / speed);
            double asked = _asked.TryPeek(out _, out double at) ? at : double.PositiveInfinity, came = started < all ? next : double.PositiveInfinity;
            GoTo(Math.Min(done, Math.Min(asked, came)), speed);
            if (done <= asked && done <= came)
            {
                Search ended = End(first);
                if (--searches[(ended.Query * _model.Hosts) + ended.Host] > 0)
                    continue;
                end[ended.Query] = Math.Max(end[ended.Query], _now + Hop());
                answered += --hosts[ended.Query] == 0 ? 1 : 0;
            }
            else if (asked <= came)
            {
                (int query, int host) = _asked.Dequeue();
                for (int i = 0; i < searches[(query * _model.Hosts) + host]; i++)
                    _waiting[host].Enqueue(new Search(query, host, _model.Service.Draw(_random)));
                Begin(host);
            }
            else
            {
                (arrival[started], hosts[started]) = (_now, _model.Hosts);
                for (int host = 0; host < _model.Hosts; host++)
                {
                    searches[(started * _model.Hosts) + host] = _model.ShardsOf(host);
                    _asked.Enqueue((started, host), _now + Hop());
                }
                started++;
                next += _random.Exponential(1 / _model.Rate);
            }
        }
        double merge = _model.MergePerShard * _model.Shards;
        return [.. Enumerable.Range(warm, queries).Select(q => end[q] - arrival[q] + merge)];
    }

    private int Shortest()
    {
        int shortest = -1;
        for (int i = 0; i < _running.Count; i++)
            shortest = shortest < 0 || _running[i].Left < _running[shortest].Left ? i : shortest;
        return shortest;
    }

    private void GoTo(double time, double speed)
    {
        for (int i = 0; i < _running.Count; i++)
            _running[i] = _running[i] with { Left = Math.Max(0, _running[i].Left - ((time - _now) * speed)) };
        _now = time;
    }

    private Search End(int index)
    {
        Search ended = _running[index];
        _running[index] = _running[^1];
        _running.RemoveAt(_running.Count - 1);
        _runningOf[ended.Host]--;
        Begin(ended.Host);
        return ended;
    }

    private void Begin(int host)
    {
        for (; _runningOf[host] < _threads && _waiting[host].TryDequeue(out Search search); _runningOf[host]++)
            _running.Add(search);
    }

    private double Hop() => _model.Hop + (_model.HopJitter > 0 ? _random.Exponential(_model.HopJitter) : 0);
}

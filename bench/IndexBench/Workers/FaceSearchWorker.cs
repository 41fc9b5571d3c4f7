using System.Globalization;
using System.Runtime.InteropServices;
using FaceSearch.IndexBench.Data;
using FaceSearch.VectorIndex;
using FaceSearch.VectorIndex.Clustering;

namespace FaceSearch.IndexBench.Workers;

/// <summary>FaceSearch's side: the same commands as peers/hnswlib_driver.cpp, and a few that only it has.</summary>
internal sealed class FaceSearchWorker : IDisposable
{
    private const int Dimension = DataSet.Dimension;
    private readonly Dictionary<string, FloatFile> _sets = [];
    private readonly List<long> _deleted = [];
    private IVectorIndex? _index;

    private IVectorIndex Index => _index ?? throw new InvalidOperationException("no index");

    public static void Serve()
    {
        using var worker = new FaceSearchWorker();
        while (Console.ReadLine() is { } line && line != "quit")
        {
            try
            {
                Console.WriteLine("ok " + worker.Run(new Words(line)));
            }
            catch (Exception e)
            {
                Console.WriteLine("error " + e.ToString().ReplaceLineEndings(" "));
            }
        }
    }

    public void Dispose()
    {
        _index?.Dispose();
        foreach (FloatFile set in _sets.Values) set.Dispose();
    }

    private string Run(Words words) => words.Next() switch
    {
        "load" => Load(words),
        "unload" => Unload(words.Next()),
        "new" => New(words),
        "add" => Add(words),
        "open" => Open(words),
        "save" => Save(words.Next()),
        "search" => Search(words),
        "batch" => Batch(words),
        "delete" => Delete(words),
        "readd" => ReAdd(words),
        "mixed" => Mixed(words),
        "selfjoin" => Join(words),
        "memory" => Memory(),
        string other => throw new InvalidOperationException($"unknown command {other}"),
    };

    private string Load(Words words)
    {
        string name = words.Next(), path = words.Next();
        _sets[name] = new FloatFile(path);
        return $"rows={_sets[name].Rows}";
    }

    private string Unload(string name)
    {
        _sets.Remove(name, out FloatFile? set);
        set?.Dispose();
        return "";
    }

    private static HnswOptions Options(string storage, int capacity) => new()
    {
        Dimension = Dimension, Storage = Enum.Parse<VectorStorage>(storage, ignoreCase: true), InitialCapacity = capacity,
        M = BenchSettings.M, EfConstruction = BenchSettings.EfConstruction,
    };

    private string New(Words words)
    {
        string engine = words.Next(), storage = words.Next();
        HnswOptions options = Options(storage, words.Int());
        options = options with { M = words.Int(), EfConstruction = words.Int() };
        _index?.Dispose();
        _index = engine == "flat" ? new FlatIndex(options) : new HnswIndex(options);
        return "";
    }

    private string Add(Words words)
    {
        FloatFile set = _sets[words.Next()];
        int from = words.Int(), to = words.Int(), label = words.Int(), threads = words.Int();
        var timer = new Timer();
        Parallelise(from, to, threads, i => Index.Add(label + i, set[i]));
        return timer.ToString();
    }

    private string Open(Words words)
    {
        string engine = words.Next();
        VectorStorage storage = Enum.Parse<VectorStorage>(words.Next(), ignoreCase: true);
        string path = words.Next();
        var timer = new Timer();
        _index?.Dispose();
        _index = engine == "flat" ? FlatIndex.Load(path, storage) : HnswIndex.Load(path, storage);
        string text = timer.ToString();
        if (!_sets.TryGetValue("queries", out FloatFile? queries)) return text;
        Index.Search(queries[0], new Neighbour[1], new SearchOptions { EfSearch = 64 });
        return $"{text} first_{timer.ToString().Replace(" cpu", " first_cpu", StringComparison.Ordinal)}";
    }

    private string Save(string path)
    {
        var timer = new Timer();
        Index.Save(path);
        return timer.ToString();
    }

    private string Search(Words words)
    {
        int ef = words.Int(), k = words.Int(), from = words.Int(), to = words.Int(), threads = words.Int();
        string decision = words.Next(), path = words.Next();
        var options = new SearchOptions { EfSearch = ef, DecisionThreshold = decision == "-" ? null : float.Parse(decision, CultureInfo.InvariantCulture) };
        FloatFile queries = _sets["queries"];
        int[] ids = new int[(to - from) * k];
        double[] each = new double[to - from];
        Neighbour[][] buffers = [.. Enumerable.Range(0, threads).Select(_ => new Neighbour[k])];
        int early = 0;
        var timer = new Timer();
        Parallelise(from, to, threads, (q, thread) =>
        {
            double start = Clock.Thread;
            Neighbour[] found = buffers[thread];
            SearchOutcome outcome = Index.Search(queries[q], found, options);
            for (int i = 0; i < k; i++) ids[((q - from) * k) + i] = i < outcome.Count ? (int)found[i].Id : -1;
            each[q - from] = Clock.Thread - start;
            if (outcome.StoppedEarly) Interlocked.Increment(ref early);
        });
        string text = timer.ToString();
        if (path != "-") File.WriteAllBytes(path, MemoryMarshal.AsBytes(ids.AsSpan()).ToArray());
        double busy = each.Sum();
        Array.Sort(each);
        return string.Create(CultureInfo.InvariantCulture, $"{text} busy={busy} p50={each[each.Length / 2]} p99={each[each.Length * 99 / 100]} early={early}");
    }

    private string Batch(Words words)
    {
        int k = words.Int(), from = words.Int(), to = words.Int(), size = words.Int();
        FloatFile queries = _sets["queries"];
        Neighbour[] results = new Neighbour[size * k];
        SearchOutcome[] outcomes = new SearchOutcome[size];
        double start = Clock.Thread;
        var timer = new Timer();
        for (int q = from; q < to; q += size)
        {
            int n = Math.Min(size, to - q);
            Index.SearchBatch(queries.Span(q, n), k, results, outcomes.AsSpan(0, n));
        }

        return string.Create(CultureInfo.InvariantCulture, $"{timer} busy={Clock.Thread - start}");
    }

    private string Delete(Words words)
    {
        int mod = words.Int(), rest = words.Int(), count = words.Int();
        _deleted.Clear();
        var timer = new Timer();
        for (int label = rest; label < count; label += mod)
        {
            Index.Remove(label);
            _deleted.Add(label);
        }

        return $"{timer} count={_deleted.Count}";
    }

    private string ReAdd(Words words)
    {
        FloatFile set = _sets[words.Next()];
        int from = words.Int(), count = Math.Min(words.Int(), _deleted.Count);
        var timer = new Timer();
        for (int i = 0; i < count; i++) Index.Add(_deleted[i], set[from + i]);
        return $"{timer} count={count}";
    }

    private string Mixed(Words words)
    {
        FloatFile set = _sets[words.Next()], queries = _sets["queries"];
        int from = words.Int(), to = words.Int(), label = words.Int(), ef = words.Int();
        double searchCpu = 0;
        long done = 0;
        bool stop = false;
        var timer = new Timer();
        var searcher = new Thread(() =>
        {
            double start = Clock.Thread;
            Neighbour[] found = new Neighbour[10];
            for (; !Volatile.Read(ref stop); done++) Index.Search(queries[(int)(done % queries.Rows)], found, new SearchOptions { EfSearch = ef });
            searchCpu = Clock.Thread - start;
        });
        searcher.Start();
        double begin = Clock.Thread;
        for (int i = from; i < to; i++) Index.Add(label + i, set[i]);
        double insertCpu = Clock.Thread - begin;
        Volatile.Write(ref stop, true);
        searcher.Join();
        return string.Create(CultureInfo.InvariantCulture, $"{timer} insert_cpu={insertCpu} search_cpu={searchCpu} queries={done}");
    }

    private string Join(Words words)
    {
        int from = words.Int(), to = words.Int(), k = words.Int(), threads = words.Int();
        string path = words.Next();
        long[] wanted = [.. Enumerable.Range(from, to - from).Select(i => (long)i)];
        int[] ids = new int[wanted.Length * (k + 1)];
        var timer = new Timer();
        SelfJoin.Run(Index, wanted, new SelfJoinOptions { MaxNeighbours = k, Threads = threads }, (id, near) =>
        {
            Span<int> row = ids.AsSpan((int)(id - from) * (k + 1), k + 1);
            row[0] = (int)id;
            for (int i = 0; i < near.Length; i++) row[i + 1] = (int)near[i].Id;
        });
        string text = timer.ToString();
        File.WriteAllBytes(path, MemoryMarshal.AsBytes(ids.AsSpan()).ToArray());
        return text;
    }

    private static string Memory()
    {
        GC.Collect();
        long Field(string key) => long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith(key, StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Split('\t')[^1], CultureInfo.InvariantCulture) * 1024;
        return $"anon={Field("RssAnon:")} file={Field("RssFile:")}";
    }

    private static void Parallelise(int from, int to, int threads, Action<int> body) => Parallelise(from, to, threads, (i, _) => body(i));

    private static void Parallelise(int from, int to, int threads, Action<int, int> body)
    {
        int next = from - 1;
        void Work(int thread)
        {
            for (int i = Interlocked.Increment(ref next); i < to; i = Interlocked.Increment(ref next)) body(i, thread);
        }

        Thread[] others = [.. Enumerable.Range(1, threads - 1).Select(t => new Thread(() => Work(t)))];
        foreach (Thread thread in others) thread.Start();
        Work(0);
        foreach (Thread thread in others) thread.Join();
    }

    private sealed class Words(string line)
    {
        private readonly string[] _words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        private int _at;

        public string Next() => _words[_at++];

        public int Int() => int.Parse(Next(), CultureInfo.InvariantCulture);
    }
}

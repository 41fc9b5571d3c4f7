using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Reembedding;

/// <summary>
/// Constant load of real photographs on one gallery: so many a second are identified, so many enrolled, whatever the server does (an
/// open loop: a late answer counts from when it should have been asked for). Every picture is an identity of its own.
/// </summary>
internal sealed class LiveLoad(ServerProcess server, string gallery, string[] pictures, double identifyRate, double enrolRate)
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<(string Period, double Milliseconds)> _latencies = new();
    private Task _loops = Task.CompletedTask;
    private int _next, _identified;

    /// <summary>Names the time from now on.</summary>
    public string Period { get; set; } = "before";

    public ConcurrentQueue<string> Failures { get; } = new();

    /// <summary>Answers in which something does not belong to the generation that the answer names.</summary>
    public ConcurrentQueue<string> Mixed { get; } = new();

    public ConcurrentDictionary<string, bool> Acknowledged { get; } = new();

    public ConcurrentDictionary<(string Model, int Generation), int> Answers { get; } = new();

    public int Identified => _identified;

    public static string Name(string picture) => Path.GetFileNameWithoutExtension(picture);

    /// <summary>Enrols the first pictures before the load begins.</summary>
    public async Task FillAsync(int people, int atOnce = 4)
    {
        await Parallel.ForEachAsync(pictures.Take(people), new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (picture, _) => await EnrolAsync(picture, record: true));
        _next = people;
    }

    public void Start(int seed = 1) => _loops = Task.WhenAll(LoopAsync(identifyRate, new Random(seed), IdentifyAsync), LoopAsync(enrolRate, new Random(seed + 1), EnrolNextAsync));

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _loops;
    }

    /// <summary>A percentile of identification in one period, in milliseconds.</summary>
    public double Percentile(string period, double share)
    {
        double[] sorted = [.. _latencies.Where(l => l.Period == period).Select(l => l.Milliseconds).Order()];
        return sorted.Length == 0 ? double.NaN : sorted[(int)Math.Min(sorted.Length - 1, share * sorted.Length)];
    }

    public int Count(string period) => _latencies.Count(l => l.Period == period);

    private async Task LoopAsync(double rate, Random random, Func<Random, Stopwatch, double, Task> request)
    {
        List<Task> open = [];
        Stopwatch clock = Stopwatch.StartNew();
        for (int i = 0; !_stop.IsCancellationRequested; i++)
        {
            double due = 1000 * i / rate, wait = due - clock.Elapsed.TotalMilliseconds;
            if (wait > 0)
                await Task.Delay(TimeSpan.FromMilliseconds(wait), _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested)
                break;
            open.Add(request(random, clock, due));
            open.RemoveAll(t => t.IsCompletedSuccessfully);
        }
        await Task.WhenAll(open);
    }

    private async Task IdentifyAsync(Random random, Stopwatch clock, double due)
    {
        string picture = pictures[random.Next(Math.Min(_next, pictures.Length))], period = Period;
        if (!Acknowledged.ContainsKey(Name(picture)))
            return;
        (int status, JsonElement answer, string text) = await SendAsync($"identify?top=3&timeoutMs=30000", picture, null);
        if (status != 200)
        {
            Failures.Enqueue($"identify {status} {text}");
            return;
        }
        _latencies.Enqueue((period, clock.Elapsed.TotalMilliseconds - due));
        Interlocked.Increment(ref _identified);
        (string model, int generation) = (answer.GetProperty("model").GetString()!, answer.GetProperty("generation").GetInt32());
        Answers.AddOrUpdate((model, generation), 1, (_, n) => n + 1);
        // The picture is enrolled, so its own face must be there with a perfect score, which only vectors of one model give.
        bool found = answer.GetProperty("results").EnumerateArray().SelectMany(r => r.GetProperty("candidates").EnumerateArray())
            .Any(c => c.GetProperty("identity").GetString() == Name(picture) && c.GetProperty("score").GetSingle() > 0.95f);
        bool one = answer.GetProperty("results").EnumerateArray().SelectMany(r => r.GetProperty("candidates").EnumerateArray()).All(c => c.GetProperty("generation").GetInt32() == generation);
        if (!found || !one || (model == TwoModels.First) != (generation % 2 == 1))
            Mixed.Enqueue($"{Name(picture)}: {text}");
    }

    private async Task EnrolNextAsync(Random random, Stopwatch clock, double due)
    {
        int at = Interlocked.Increment(ref _next) - 1;
        if (at < pictures.Length)
            await EnrolAsync(pictures[at], record: true);
    }

    private async Task EnrolAsync(string picture, bool record)
    {
        (int status, _, string text) = await SendAsync($"identities?identity={Uri.EscapeDataString(Name(picture))}&faces=central&onConflict=allow", picture, $"enrol-{Name(picture)}");
        if (status is 200 or 201)
            Acknowledged[Name(picture)] = record;
        else if (status != 422) // A face that is too poor to be enrolled is an answer.
            Failures.Enqueue($"enrol {status} {text}");
    }

    private async Task<(int Status, JsonElement Answer, string Text)> SendAsync(string path, string picture, string? operation)
    {
        try
        {
            ByteArrayContent content = new(await File.ReadAllBytesAsync(picture));
            content.Headers.ContentType = new MediaTypeHeaderValue("image/jpeg");
            using HttpResponseMessage response = await server.TrySendAsync(HttpMethod.Post, $"/api/v1/galleries/{gallery}/{path}", content, operation);
            string text = await response.Content.ReadAsStringAsync();
            return ((int)response.StatusCode, JsonDocument.Parse(text).RootElement, text);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            return (0, default, e.Message);
        }
    }
}

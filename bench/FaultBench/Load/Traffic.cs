using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Load;

/// <summary>
/// Clients that enrol, erase and identify through the gateways at a fixed rate, each one operation at a time, and check every answer against the
/// ledger: a wrong answer is a violation at any time, a refused or missing one is only counted.
/// </summary>
internal sealed class Traffic : IAsyncDisposable
{
    private const int Clients = 12;
    private readonly CancellationTokenSource _stop = new();
    private readonly Ledger _ledger;
    private readonly Func<IReadOnlyList<ApiClient>> _doors;
    private readonly ConcurrentQueue<(long At, double Milliseconds)> _identified = [];
    private readonly TimeSpan _period;
    private readonly Task _all;

    /// <param name="ledger">What is told.</param>
    /// <param name="doors">The servers to ask.</param>
    /// <param name="rate">Operations a second of all clients, while answers come at once.</param>
    /// <param name="seed">Of the clients' choices.</param>
    public Traffic(Ledger ledger, Func<IReadOnlyList<ApiClient>> doors, double rate, int seed)
    {
        (_ledger, _doors, _period) = (ledger, doors, TimeSpan.FromSeconds(Clients / rate));
        _all = Task.WhenAll(Enumerable.Range(0, Clients).Select(c => Task.Run(() => WorkAsync(new Random(seed + c)))));
    }

    /// <summary>Latencies of all identifications that were answered with 200, in milliseconds.</summary>
    public double[] Identified => [.. _identified.Select(i => i.Milliseconds)];

    /// <summary>Ends the clients after the operations under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _all;
        _stop.Dispose();
    }

    private async Task WorkAsync(Random random)
    {
        List<Person> mine = [];
        TimeSpan wait = _period * random.NextDouble();
        while (!_stop.IsCancellationRequested)
        {
            long begin = Stopwatch.GetTimestamp();
            IReadOnlyList<ApiClient> doors = _doors();
            ApiClient door = doors[random.Next(doors.Count)];
            double dice = random.NextDouble();
            Person? person = mine.Count == 0 ? null : mine[random.Next(mine.Count)];
            if (person is null || dice < 0.35)
                mine.Add(await EnrolAsync(door));
            else if (dice < 0.5 && person.Known == Known.Present)
                await Operations.EraseAsync(_ledger, door, person);
            else
                await IdentifyAsync(door, person);
            try
            {
                await Task.Delay(wait, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            TimeSpan left = _period - Stopwatch.GetElapsedTime(begin);
            wait = left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    private async Task<Person> EnrolAsync(ApiClient door)
    {
        Person person = _ledger.Add();
        await Operations.EnrolAsync(_ledger, door, person);
        return person;
    }

    private async Task IdentifyAsync(ApiClient door, Person person)
    {
        await person.Gate.WaitAsync();
        try
        {
            Reply reply = await door.IdentifyAsync(Faces.Of(person.Number));
            if (reply.IsSuccess)
                _identified.Enqueue((Stopwatch.GetTimestamp(), reply.Took.TotalMilliseconds));
            else
                _ledger.Answer("identify", reply.Kind);
            Operations.Judge(_ledger, person, reply, door.Name);
        }
        finally
        {
            person.Gate.Release();
        }
    }
}

/// <summary>One operation each, with what its answer means.</summary>
internal static class Operations
{
    public static Task EnrolAsync(Ledger ledger, ApiClient door, Person person) => ChangeAsync(ledger, person, "enrol", Known.Present, Known.EnrolmentUnknown,
        () => door.EnrolAsync(person.Name, Faces.Of(person.Number), $"enrol-{person.Number}"));

    public static Task EraseAsync(Ledger ledger, ApiClient door, Person person) => ChangeAsync(ledger, person, "erase", Known.Absent, Known.ErasureUnknown,
        () => door.EraseAsync(person.Name, $"erase-{person.Number}"));

    /// <summary>Compares an identification with the ledger; nothing if it was not answered. The caller holds the person's gate.</summary>
    public static void Judge(Ledger ledger, Person person, Reply reply, string where)
    {
        if (!reply.IsSuccess)
            return;
        ledger.Read();
        (int answered, int total) = (reply.Body.GetProperty("shardsAnswered").GetInt32(), reply.Body.GetProperty("shardsTotal").GetInt32());
        if (answered != total)
            ledger.Violate($"partial: {where} answered from {answered} of {total} shards though all were asked for");
        bool found = IsFound(reply.Body, person.Name);
        if (person.Known == Known.Present && !found)
            ledger.Violate($"lost: {person.Name} was acknowledged, {where} does not find it at {DateTime.UtcNow:HH:mm:ss.fff}");
        if (person.Known is Known.Absent or Known.Refused && found)
            ledger.Violate($"returned: {person.Name} is {person.Known}, {where} finds it at {DateTime.UtcNow:HH:mm:ss.fff}");
    }

    /// <summary>Whether the first candidate is this person; anywhere else in the list is a wrong order, since the probe is its very template.</summary>
    public static bool IsFound(JsonElement answer, string name)
    {
        JsonElement candidates = answer.GetProperty("results")[0].GetProperty("candidates");
        return candidates.GetArrayLength() > 0 && candidates[0].GetProperty("identity").GetString() == name;
    }

    private static async Task ChangeAsync(Ledger ledger, Person person, string operation, Known done, Known unknown, Func<Task<Reply>> send)
    {
        await person.Gate.WaitAsync();
        try
        {
            // While it is under way nobody knows.
            person.Known = unknown;
            Reply reply = await send();
            person.Known = reply.IsSuccess ? done : !reply.IsRefusal ? unknown : done == Known.Present ? Known.Refused : Known.Present;
            ledger.Tell(reply.IsSuccess ? done : reply.IsRefusal ? Known.Refused : unknown);
            if (!reply.IsSuccess)
                ledger.Answer(operation, reply.Kind);
        }
        finally
        {
            person.Gate.Release();
        }
    }
}

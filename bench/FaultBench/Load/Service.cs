using System.Diagnostics;
using System.Globalization;
using System.Net;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Load;

/// <summary>Tells when the whole service answers: through each gateway an identification over all shards, and a write to every shard.</summary>
internal sealed class Service
{
    private const int Attempts = 4;
    private static readonly TimeSpan GivesUp = TimeSpan.FromMinutes(4);
    private readonly FaultCluster _cluster;
    private readonly Person[] _sentinels;
    private int _touches;

    public Service(FaultCluster cluster, Person[] sentinels) => (_cluster, _sentinels) = (cluster, sentinels);

    /// <summary>Makes the gallery and enrols at least one person a shard, whom no client changes.</summary>
    public static async Task<Service> MakeAsync(FaultCluster cluster, Ledger ledger)
    {
        // The silos have only just found each other: an answer may be lost, and then the next attempt is told that the gallery exists.
        Reply made = await cluster.Doors[0].CreateGalleryAsync(FaultCluster.Shards);
        bool isMade = made.IsSuccess;
        for (int attempt = 1; attempt < Attempts && !isMade; attempt++)
        {
            made = await cluster.Doors[0].CreateGalleryAsync(FaultCluster.Shards);
            isMade = made.IsSuccess || made.Status == HttpStatusCode.Conflict;
        }
        if (!isMade)
            throw new InvalidOperationException($"The gallery was not made: {made.Text}");
        Dictionary<string, Person> people = [];
        Dictionary<long, Person> byLog = [];
        while (byLog.Count < FaultCluster.Shards)
        {
            for (int i = 0; i < 2 * FaultCluster.Shards; i++)
            {
                Person person = ledger.Add();
                people[person.Name] = person;
                await Operations.EnrolAsync(ledger, cluster.Doors[0], person);
                if (person.Known != Known.Present)
                    throw new InvalidOperationException($"{person.Name} was not enrolled on a healthy cluster.");
            }
            foreach (long log in await cluster.Postgres.QueryAsync($"SELECT key FROM facesearch.template_logs WHERE gallery = '{ApiClient.GalleryName}'", r => r.GetInt64(0)))
            {
                if ((await cluster.Postgres.QueryAsync(string.Create(CultureInfo.InvariantCulture, $"SELECT id FROM facesearch.log_{log}_identities LIMIT 1"), r => r.GetString(0))).FirstOrDefault() is { } id)
                    byLog[log] = people[id];
            }
        }
        return new Service(cluster, [.. byLog.Values]);
    }

    /// <summary>How long after a moment everything was answered; null: not within 4 minutes.</summary>
    /// <param name="since">From Stopwatch.GetTimestamp.</param>
    public async Task<TimeSpan?> BackAsync(long since)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (waited.Elapsed < GivesUp)
        {
            if (await AnswersAsync())
                return Stopwatch.GetElapsedTime(since);
            await Task.Delay(100);
        }
        return null;
    }

    private async Task<bool> AnswersAsync()
    {
        IEnumerable<Task<bool>> reads = _cluster.Doors.Select(async (door, i) =>
        {
            Person person = _sentinels[i % _sentinels.Length];
            Reply reply = await door.IdentifyAsync(Faces.Of(person.Number));
            return reply.IsSuccess && Operations.IsFound(reply.Body, person.Name);
        });
        string value = string.Create(CultureInfo.InvariantCulture, $"{Interlocked.Increment(ref _touches)}");
        IEnumerable<Task<bool>> writes = _sentinels.Select(async (person, i) => (await _cluster.Doors[i % _cluster.Doors.Count].TouchAsync(person.Name, value)).IsSuccess);
        return (await Task.WhenAll(reads.Concat(writes))).All(answered => answered);
    }
}

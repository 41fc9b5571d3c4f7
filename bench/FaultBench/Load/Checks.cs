using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Load;

/// <summary>Holds the cluster against the ledger.</summary>
internal static class Checks
{
    private const int Parallel = 6;

    /// <summary>How long a check repeats a read that is not answered.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Asks for people, each through one of the servers; each must be answered, and right the first time there is an answer.</summary>
    public static async Task FindAsync(Ledger ledger, IReadOnlyList<ApiClient> doors, IEnumerable<Person> people, Action? each = null)
    {
        await System.Threading.Tasks.Parallel.ForEachAsync(people, new ParallelOptions { MaxDegreeOfParallelism = Parallel }, async (person, _) =>
        {
            await person.Gate.WaitAsync(CancellationToken.None);
            try
            {
                await FindAsync(ledger, doors[person.Number % doors.Count], person);
            }
            finally
            {
                person.Gate.Release();
            }
            each?.Invoke();
        });
    }

    /// <summary>
    /// After the fault: sends every second unknown operation again until it is acknowledged, then reads everybody through all servers, the unknown
    /// twice; then lists the gallery; then looks into the tables.
    /// </summary>
    public static async Task AllAsync(Ledger ledger, FaultCluster cluster, IReadOnlyList<ApiClient> doors)
    {
        foreach (Person person in ledger.People.Where(p => p.Known is Known.EnrolmentUnknown or Known.ErasureUnknown && p.Number % 2 == 0))
            await SettleAsync(ledger, doors, person);
        await FindAsync(ledger, doors, ledger.People);
        foreach (ApiClient door in doors.Concat(doors))
            await FindAsync(ledger, [door], ledger.People.Where(p => p.Known is Known.EnrolmentUnknown or Known.ErasureUnknown));
        await ListAsync(ledger, doors[0]);
        foreach (string wrong in await Audit.FindAsync(cluster.Postgres))
            ledger.Violate(wrong);
        await TablesAsync(ledger, cluster);
    }

    private static async Task FindAsync(Ledger ledger, ApiClient door, Person person)
    {
        if (person.Known == Known.Nothing)
            return;
        Reply reply = await RepeatAsync(() => door.IdentifyAsync(Faces.Of(person.Number), 10_000));
        Reply description = await RepeatAsync(() => door.DescribeAsync(person.Name));
        if (!reply.IsSuccess || !(description.IsSuccess || description.Status == HttpStatusCode.NotFound))
        {
            ledger.Violate($"no answer about {person.Name} from {door.Name} within {Patience.TotalSeconds} s: {reply.Text} {description.Text}");
            return;
        }
        Operations.Judge(ledger, person, reply, door.Name);
        bool found = Operations.IsFound(reply.Body, person.Name);
        if (found != description.IsSuccess)
            ledger.Violate($"inconsistent: {person.Name} ({person.Known}): {door.Name} identifies it: {found}, describes it: {description.Kind}");
        if (description.IsSuccess && description.Body.GetProperty("templates").GetArrayLength() != 1)
            ledger.Violate($"duplicate: {person.Name} has {description.Body.GetProperty("templates").GetArrayLength()} templates");
        if (person.Known is Known.EnrolmentUnknown or Known.ErasureUnknown)
        {
            if (person.Seen is { } before && before != found)
                ledger.Violate($"inconsistent: {person.Name} ({person.Known}) was {(before ? "found" : "not found")} and now the other way round");
            person.Seen = found;
        }
    }

    private static async Task SettleAsync(Ledger ledger, IReadOnlyList<ApiClient> doors, Person person)
    {
        bool enrolment = person.Known == Known.EnrolmentUnknown;
        Reply reply = await RepeatAsync(() => enrolment
            ? doors[person.Number % doors.Count].EnrolAsync(person.Name, Faces.Of(person.Number), $"enrol-{person.Number}")
            : doors[person.Number % doors.Count].EraseAsync(person.Name, $"erase-{person.Number}"));
        // An erasure that had been done before may also be told by 404.
        if (reply.IsSuccess || (!enrolment && reply.Status == HttpStatusCode.NotFound))
        {
            person.Known = enrolment ? Known.Present : Known.Absent;
            ledger.Settle();
        }
        else
            ledger.Violate($"an operation of unknown outcome ({person.Known} of {person.Name}) could not be repeated: {reply.Text}");
    }

    private static async Task ListAsync(Ledger ledger, ApiClient door)
    {
        Dictionary<string, int> listed = [];
        string? after = null;
        do
        {
            string? from = after;
            Reply page = await RepeatAsync(() => door.ListAsync(from));
            if (!page.IsSuccess)
            {
                ledger.Violate($"the gallery could not be listed: {page.Text}");
                return;
            }
            foreach (JsonElement identity in page.Body.GetProperty("items").EnumerateArray())
                listed[identity.GetProperty("id").GetString()!] = listed.GetValueOrDefault(identity.GetProperty("id").GetString()!) + 1;
            after = page.Body.TryGetProperty("next", out JsonElement next) ? next.GetString() : null;
        }
        while (after is not null);
        foreach ((string name, int times) in listed.Where(l => l.Value > 1))
            ledger.Violate($"duplicate: {name} is listed {times} times");
        foreach (Person person in ledger.People)
        {
            if (person.Known == Known.Present && !listed.ContainsKey(person.Name))
                ledger.Violate($"lost: {person.Name} is not in the list");
            if (person.Known is Known.Absent or Known.Refused && listed.ContainsKey(person.Name))
                ledger.Violate($"returned: {person.Name} ({person.Known}) is in the list");
        }
    }

    /// <summary>One row an identity over all shards' tables, one template each.</summary>
    private static async Task TablesAsync(Ledger ledger, FaultCluster cluster)
    {
        ConcurrentDictionary<string, int> rows = [];
        foreach (long log in await cluster.Postgres.QueryAsync($"SELECT key FROM facesearch.template_logs WHERE gallery = '{ApiClient.GalleryName}'", r => r.GetInt64(0)))
        {
            string tables = string.Create(CultureInfo.InvariantCulture, $"facesearch.log_{log}_");
            foreach ((string id, long templates) in await cluster.Postgres.QueryAsync(
                $"SELECT i.id, (SELECT count(*) FROM {tables}templates t WHERE t.identity = i.key) FROM {tables}identities i", r => (r.GetString(0), r.GetInt64(1))))
            {
                if (rows.AddOrUpdate(id, 1, (_, n) => n + 1) > 1)
                    ledger.Violate($"duplicate: {id} is in the logs of two shards");
                if (templates != 1)
                    ledger.Violate($"duplicate: {id} has {templates} templates in log {log}");
            }
        }
        foreach (Person person in ledger.People.Where(p => p.Known is Known.Present && !rows.ContainsKey(p.Name)))
            ledger.Violate($"lost: {person.Name} is in no log");
        foreach (Person person in ledger.People.Where(p => p.Known is Known.Absent && rows.ContainsKey(p.Name)))
            ledger.Violate($"returned: {person.Name} is in a log");
    }

    private static async Task<Reply> RepeatAsync(Func<Task<Reply>> send)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (true)
        {
            Reply reply = await send();
            if (reply.IsSuccess || (reply.IsRefusal && reply.Status != HttpStatusCode.TooManyRequests) || waited.Elapsed > Patience)
                return reply;
            await Task.Delay(200);
        }
    }
}

using System.Diagnostics;
using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Reports;
using FaceSearch.FaultBench.Servers;
using FaceSearch.Tests.Servers;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>
/// A server whose storage is on a small file system of its own that is filled to the last block and emptied again, without a restart: the embedded
/// storage, or the tables of a PostgreSQL (its write-ahead log is elsewhere). A flush that fails is the business of tests/Storage.Tests (strace makes
/// fsync fail in a process that commits), which the first of them runs afterwards.
/// </summary>
internal sealed class DiskScenario : Scenario
{
    private const int Megabytes = 96, Block = 1 << 16, Refusals = 10, Keys = 2_000;
    private const string Full = "507";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly bool _isPostgres;

    private DiskScenario(bool isPostgres) => _isPostgres = isPostgres;

    public static DiskScenario Embedded { get; } = new(false);

    public static DiskScenario Postgres { get; } = new(true);

    public override string Name => _isPostgres ? "database-disk" : "disk";

    public override string Fault => _isPostgres ? "the disk (tmpfs) of PostgreSQL's tables is full, then has space again"
        : "the disk (tmpfs) of a server with embedded storage is full, then has space again; fsync and write errors by strace";

    public override string Pass => "enrol and settings refused (507) and search goes on; recovers without restart" + (_isPostgres ? "" : "; no acknowledgement after a failed fsync");

    public override string Unit => "full disks";

    public override (int Short, int Long) Doses => (1, 20);

    public override string? Missing => !OperatingSystem.IsLinux() || Environment.UserName != "root" ? "a file system can only be mounted by root"
        : _isPostgres ? PostgresServer.Missing : null;

    public override async Task RunAsync(Run run, Row row)
    {
        string disk = Path.Combine(run.Folder, "disk");
        Directory.CreateDirectory(disk);
        await Tool.RunAsync("mount", "-t", "tmpfs", "-o", FormattableString.Invariant($"size={Megabytes}m"), "tmpfs", disk);
        Ledger ledger = new(run.Folder, run.IsUntimed);
        try
        {
            await using FaultDatabase? postgres = _isPostgres ? await PostgresOnAsync(disk, run) : null;
            await using ServerNode server = new("server", $"http://127.0.0.1:{ServerNode.FreePort()}", run.SiloDll, run.Folder, start => ["--Gateway:RequestsPerSecond=0",
                .. postgres is null ? [$"--Silo:DataFolder={Path.Combine(disk, "data")}"]
                    : (string[])["--Storage:Provider=Postgres", $"--Storage:ConnectionString={postgres.ConnectionString(start)}"]]);
            await server.StartAsync();
            Reply made = await server.Client.CreateGalleryAsync(2);
            if (!made.IsSuccess)
                throw new InvalidOperationException($"The gallery was not made: {made.Text}");
            int rounds = run.Dose ?? (run.IsLong ? Doses.Long : Doses.Short);
            run.Progress.Begin(rounds);
            for (; row.Dose < rounds && !run.IsOver; row.Dose++)
            {
                await RoundAsync(server, ledger, row, Path.Combine(disk, "ballast"));
                run.Progress.Advance($"{ledger.Acknowledged} acknowledged, {ledger.Refused} refused, {ledger.Unknown} without an outcome, {ledger.Violated} violations");
            }
            await Checks.FindAsync(ledger, [server.Client], ledger.People);
            if (server.Starts != 1 || !server.IsRunning)
                ledger.Violate("the server did not live through it");
        }
        finally
        {
            row.Take(ledger);
            await Tool.RunAsync("umount", disk);
        }
        if (!_isPostgres)
            await SuiteScenario.FlushFaults.AddAsync(run, row);
    }

    private static async Task<FaultDatabase> PostgresOnAsync(string disk, Run run)
    {
        FaultDatabase postgres = await FaultDatabase.StartAsync(Path.Combine(run.Folder, "postgres"), "127.0.0.1", tables: disk);
        (int code, string output) = await Tool.TryAsync("dotnet", run.SiloDll, "database", "apply", $"--Storage:ConnectionString={postgres.ConnectionString("schema")}");
        return code == 0 ? postgres : throw new InvalidOperationException($"The schema could not be applied: {output}");
    }

    private static async Task RoundAsync(ServerNode server, Ledger ledger, Row row, string ballast)
    {
        await Enrol(server, ledger, 20);
        Fill(ballast);
        int refused = 0;
        Stopwatch waited = Stopwatch.StartNew();
        // SQLite may still have free pages to write into.
        while (refused < Refusals && waited.Elapsed < Patience)
        {
            Person person = ledger.Add();
            Reply reply = await server.Client.EnrolAsync(person.Name, Faces.Of(person.Number), $"enrol-{person.Number}");
            // 507 says that nothing was written.
            person.Known = reply.IsSuccess ? Known.Present : reply.Kind == Full ? Known.Refused : Known.EnrolmentUnknown;
            ledger.Tell(person.Known);
            if (!reply.IsSuccess)
                ledger.Answer("enrol", reply.Kind);
            refused += reply.Kind == Full ? 1 : 0;
            if (!reply.IsSuccess && reply.Kind != Full)
                ledger.Violate($"an enrolment on a full disk was answered {reply.Text}");
            Fill(ballast);
        }
        if (refused < Refusals)
            ledger.Violate("a full disk did not refuse enrolments");
        foreach (Person person in ledger.People.Where(p => p.Known == Known.Present).TakeLast(20))
        {
            Reply reply = await server.Client.IdentifyAsync(Faces.Of(person.Number));
            if (!reply.IsSuccess)
                ledger.Violate($"search did not go on: {reply.Text}");
            Operations.Judge(ledger, person, reply, "on a full disk, the server");
        }
        await SettingsAsync(server, ledger);
        File.Delete(ballast);
        long since = Stopwatch.GetTimestamp();
        Person first = ledger.Add();
        while (first.Known != Known.Present && Stopwatch.GetElapsedTime(since) < Patience)
            await Operations.EnrolAsync(ledger, server.Client, first);
        row.Time("enrols again", Stopwatch.GetElapsedTime(since));
        if (first.Known != Known.Present)
            ledger.Violate("with space again it did not enrol");
    }

    /// <summary>Keys are grain state; each is a little longer record, until there is no place for it. The one that is refused must not be there.</summary>
    private static async Task SettingsAsync(ServerNode server, Ledger ledger)
    {
        int before = await KeysAsync(server);
        for (int made = 0; made < Keys; made++)
        {
            Reply reply = await server.Client.CreateKeyAsync();
            if (reply.Kind == Full)
            {
                if (await KeysAsync(server) is var after && after != before + made)
                    ledger.Violate($"of {before} keys and {made} new ones {after} were listed after another one was refused");
                return;
            }
            if (!reply.IsSuccess)
            {
                ledger.Violate($"a new key on a full disk was answered {reply.Text}");
                return;
            }
        }
        ledger.Violate("a full disk did not refuse keys");
    }

    private static async Task<int> KeysAsync(ServerNode server)
    {
        Reply reply = await server.Client.ListKeysAsync();
        return reply.IsSuccess ? reply.Body.GetProperty("items").GetArrayLength() : throw new InvalidOperationException($"The keys were not listed: {reply.Text}");
    }

    private static async Task Enrol(ServerNode server, Ledger ledger, int count)
    {
        for (int i = 0; i < count; i++)
            await Operations.EnrolAsync(ledger, server.Client, ledger.Add());
    }

    /// <summary>Writes until nothing more fits.</summary>
    private static void Fill(string ballast)
    {
        byte[] block = new byte[Block];
        Random.Shared.NextBytes(block);
        foreach (int size in (int[])[Block, 4096, 512])
        {
            try
            {
                using FileStream file = new(ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
                while (true)
                    file.Write(block, 0, size);
            }
            catch (IOException)
            {
                // Full.
            }
        }
    }
}

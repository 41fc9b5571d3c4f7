using System.Diagnostics;
using FaceSearch.FaultBench.Load;
using FaceSearch.FaultBench.Reports;
using FaceSearch.FaultBench.Servers;

namespace FaceSearch.FaultBench.Scenarios;

/// <summary>
/// A server with the embedded storage on a small file system of its own that is filled to the last block and emptied again, without a restart. A flush
/// that fails is the business of tests/Storage.Tests (strace makes fsync fail in a process that commits), which this runs afterwards.
/// </summary>
internal sealed class DiskScenario : Scenario
{
    private const int Megabytes = 96, Block = 1 << 16, Refusals = 10;
    private const string Full = "507";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public override string Name => "disk";

    public override string Fault => "the disk (tmpfs) of a server with embedded storage is full, then has space again; fsync and write errors by strace";

    public override string Pass => "enrol refused (507) and search goes on; recovers without restart; no acknowledgement after a failed fsync";

    public override string Unit => "full disks";

    public override (int Short, int Long) Doses => (1, 20);

    public override string? Missing => !OperatingSystem.IsLinux() || Environment.UserName != "root" ? "a file system can only be mounted by root" : null;

    public override async Task RunAsync(Run run, Row row)
    {
        string disk = Path.Combine(run.Folder, "disk");
        Directory.CreateDirectory(disk);
        await Tool.RunAsync("mount", "-t", "tmpfs", "-o", FormattableString.Invariant($"size={Megabytes}m"), "tmpfs", disk);
        Ledger ledger = new(run.Folder, run.IsUntimed);
        try
        {
            await using ServerNode server = new("server", $"http://127.0.0.1:{ServerNode.FreePort()}", run.SiloDll, run.Folder,
                _ => [$"--Silo:DataFolder={Path.Combine(disk, "data")}", "--Gateway:RequestsPerSecond=0"]);
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
        await SuiteScenario.FlushFaults.AddAsync(run, row);
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
        File.Delete(ballast);
        long since = Stopwatch.GetTimestamp();
        Person first = ledger.Add();
        while (first.Known != Known.Present && Stopwatch.GetElapsedTime(since) < Patience)
            await Operations.EnrolAsync(ledger, server.Client, first);
        row.Time("enrols again", Stopwatch.GetElapsedTime(since));
        if (first.Known != Known.Present)
            ledger.Violate("with space again it did not enrol");
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

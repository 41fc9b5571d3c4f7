using System.Diagnostics;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Sqlite;

/// <summary>kill -9, full disks and failing system calls, on real processes and file systems.</summary>
public sealed class FaultTests
{
    [Fact]
    public Task Nothing_acknowledged_is_lost_when_the_process_is_killed_3_times() => KillAsync(3, seed: 1);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Nothing_acknowledged_is_lost_when_the_process_is_killed_25_times() => KillAsync(25, seed: 2);

    [Fact]
    public async Task A_full_disk_refuses_commits_and_takes_them_again_when_there_is_space()
    {
        using SmallDisk disk = new(megabytes: 3);
        string ballast = Path.Combine(disk.Path, "ballast");
        File.WriteAllBytes(ballast, new byte[1 << 20]);
        await using ITemplateLog log = await new SqliteTemplateLogProvider(new DataFolder(disk.Path), new FixedTime(Make.Day)).OpenAsync(Child.Shard);
        var make = new Make(9);
        var acknowledged = new List<IdentityChange>();
        await Should.ThrowAsync<StorageFullException>(async () =>
        {
            for (int i = 0; i < 100_000; i++)
            {
                IdentityChange change = make.Enrol($"p{i}", 8);
                await log.CommitAsync(change);
                acknowledged.Add(change);
            }
        });
        acknowledged.Count.ShouldBeGreaterThan(10);
        await Should.ThrowAsync<StorageFullException>(async () => await log.CommitAsync(make.Enrol("too big", 64)));
        (await log.GetIdentityAsync("p0"))!.Templates.Count.ShouldBe(8);
        (await log.VerifyAsync()).Templates.ShouldBe(8 * acknowledged.Count);
        (await log.GetIdentityAsync("too big")).ShouldBeNull();
        File.Delete(ballast);
        (await log.CommitAsync(make.Enrol("fits now", 8))).Status.ShouldBe(CommitStatus.Applied);
        (await log.CommitAsync(acknowledged[^1])).Status.ShouldBe(CommitStatus.Replayed);
        (await log.VerifyAsync()).Identities.ShouldBe(acknowledged.Count + 1);
    }

    [Theory]
    [InlineData("fsync,fdatasync:error=EIO:when=12+")]
    [InlineData("pwrite64:error=EIO:when=60+")]
    [InlineData("fsync,fdatasync:error=ENOSPC:when=12+")]
    public async Task After_a_failed_write_or_flush_nothing_is_acknowledged_and_reopening_finds_all_that_was(string fault)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && SmallDisk.Tool("strace", "-o", "/dev/null", "true"), "strace, which makes system calls fail, is not here or not permitted.");
        using TempFolder folder = new();
        string calls = fault[..fault.IndexOf(':', StringComparison.Ordinal)];
        var ledger = new Ledger();
        await ledger.ShouldHoldAsync(folder.Path); // Makes the log, so that the fault meets commits.
        using Process child = Child.Start("commit", folder.Path, seed: 3, under: ["strace", "-f", "-qq", "-o", "/dev/null", "-e", $"trace={calls}", "-e", $"inject={fault}"]);
        while (await child.StandardOutput.ReadLineAsync() is { } line)
            ledger.Read(line);
        await child.WaitForExitAsync();
        ledger.Failures.ShouldContain("LogPoisonedException");
        ledger.Acknowledged.ShouldBeGreaterThan(0);
        await ledger.ShouldHoldAsync(folder.Path);
    }

    private static async Task KillAsync(int times, int seed)
    {
        using TempFolder folder = new();
        var random = new Random(seed);
        var ledger = new Ledger();
        for (int round = 0; round < times; round++)
        {
            using Process child = Child.Start("commit", folder.Path, seed: (seed * 1000) + round);
            int until = ledger.Acknowledged + random.Next(1, 400);
            while (ledger.Acknowledged < until)
                ledger.Read(await child.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The child ended by itself."));
            child.Kill(); // SIGKILL
            while (await child.StandardOutput.ReadLineAsync() is { } line)
                ledger.Read(line);
            await child.WaitForExitAsync();
            await ledger.ShouldHoldAsync(folder.Path);
        }
        ledger.Failures.ShouldBeEmpty();
    }

    /// <summary>What clients were told, and what must therefore be true.</summary>
    private sealed class Ledger
    {
        /// <summary>By identity: enrolments begun and acknowledged, and whether an erasure was.</summary>
        private readonly Dictionary<string, (int Tried, int Acknowledged, bool EraseTried, bool Erased)> _identities = [];

        public int Acknowledged { get; private set; }

        public HashSet<string> Failures { get; } = [];

        /// <summary>A line of the child: "try|ack|fail|odd operation enrol|erase identity count [exception]". A line cut by the kill counts for nothing.</summary>
        public void Read(string line)
        {
            string[] words = line.Split(' ');
            words[0].ShouldNotBe("odd", line);
            if (words.Length < 5)
                return;
            var was = _identities.GetValueOrDefault(words[3]);
            bool erase = words[2] == "erase";
            int count = int.Parse(words[4], System.Globalization.CultureInfo.InvariantCulture);
            switch (words[0])
            {
                case "try":
                    _identities[words[3]] = erase ? was with { EraseTried = true } : was with { Tried = Math.Max(was.Tried, count) };
                    break;
                case "ack":
                    _identities[words[3]] = erase ? was with { Erased = true } : was with { Acknowledged = Math.Max(was.Acknowledged, count) };
                    Acknowledged++;
                    break;
                case "fail":
                    Failures.Add(words[5]);
                    break;
            }
        }

        /// <summary>Every acknowledged operation is there once and whole, every erased identity is gone, and the log verifies.</summary>
        public async Task ShouldHoldAsync(string folder)
        {
            await using ITemplateLog log = await new SqliteTemplateLogProvider(new DataFolder(folder), new FixedTime(Make.Day)).OpenAsync(Child.Shard);
            (await log.VerifyAsync()).ShouldBe(log.Head);
            foreach ((string name, var told) in _identities)
            {
                StoredIdentity? stored = await log.GetIdentityAsync(name);
                if (stored is null)
                {
                    (told.EraseTried || told.Acknowledged == 0).ShouldBeTrue($"{name} is lost");
                    continue;
                }
                told.Erased.ShouldBeFalse($"{name} came back");
                stored.Version.ShouldBeInRange(told.Acknowledged, told.Tried, name);
                stored.Templates.Count.ShouldBe(2 * (int)stored.Version, name);
                stored.Metadata["count"].ShouldBe($"{stored.Version}", name);
            }
        }
    }
}

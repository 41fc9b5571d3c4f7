using System.Diagnostics;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Sqlite;

/// <summary>
/// Prints rates (run with <c>-trait Category=Slow -class FaceSearch.Storage.Tests.Sqlite.Measurements -showLiveOutput</c>).
/// It fails only below a twentieth of what two cores and a disk did, which would be a defect and not noise.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Measurements(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(256)]
    public async Task Durable_commits_a_second(int writers)
    {
        using TempFolder folder = new();
        await using ITemplateLog log = await new SqliteTemplateLogProvider(new DataFolder(folder.Path), new FixedTime(Make.Day)).OpenAsync(Child.Shard);
        int commits = writers == 1 ? 2_000 : 20_000;
        IdentityChange[] changes = Changes(commits, 1);
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, writers).Select(w => Task.Run(async () =>
        {
            for (int i = w; i < commits; i += writers)
                await log.CommitAsync(changes[i]);
        })));
        double rate = commits / watch.Elapsed.TotalSeconds;
        output.WriteLine($"{writers} writers, 1 template a commit: {rate:F0} durable commits/s");
        log.Head.Templates.ShouldBe(commits);
        rate.ShouldBeGreaterThan(writers == 1 ? 20 : 100);
    }

    [Fact]
    public async Task Rows_read_verified_and_opened_at_200_000_templates()
    {
        const int templates = 200_000;
        using TempFolder folder = new();
        var provider = new SqliteTemplateLogProvider(new DataFolder(folder.Path), new FixedTime(Make.Day));
        ITemplateLog log = await provider.OpenAsync(Child.Shard);
        var watch = Stopwatch.StartNew();
        foreach (IdentityChange[] chunk in Changes(templates, 1).Chunk(4096))
            await Task.WhenAll(chunk.Select(c => log.CommitAsync(c).AsTask()));
        output.WriteLine($"bulk: {templates / watch.Elapsed.TotalSeconds:F0} durable templates/s");
        LogHead middle = default;
        watch.Restart();
        await log.DisposeAsync();
        output.WriteLine($"close: {watch.ElapsedMilliseconds} ms; {new DirectoryInfo(folder.Path).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length) >> 20} MiB");
        watch.Restart();
        log = await provider.OpenAsync(Child.Shard);
        output.WriteLine($"open: {watch.ElapsedMilliseconds} ms");
        watch.Restart();
        int read = 0;
        await foreach (LogEntry entry in log.ReadAsync(0, 0))
        {
            if (entry is LogEntry.TemplateAdded)
                read++;
        }
        output.WriteLine($"ReadAsync from 0: {read / watch.Elapsed.TotalSeconds:F0} templates/s (and as many identities)");
        read.ShouldBe(templates);
        middle = log.Head;
        await log.CommitAsync(new Make(99).Enrol("late"));
        watch.Restart();
        (await log.AllAsync(middle.Lsn, middle.Digest)).Count.ShouldBe(2);
        output.WriteLine($"ReadAsync from the head before: {watch.Elapsed.TotalMilliseconds:F1} ms");
        watch.Restart();
        await log.VerifyAsync();
        output.WriteLine($"VerifyAsync: {watch.ElapsedMilliseconds} ms");
        watch.Restart();
        for (int i = 0; i < 2000; i++)
            (await log.GetIdentityAsync($"person-{i * 97}")).ShouldNotBeNull();
        output.WriteLine($"GetIdentityAsync: {watch.Elapsed.TotalMicroseconds / 2000:F0} us");
        await log.CommitAsync(new Make(98).Erase("late"));
        watch.Restart();
        await log.ScrubAsync();
        output.WriteLine($"ScrubAsync: {watch.Elapsed.TotalMilliseconds:F1} ms");
        await log.DisposeAsync();
    }

    private static IdentityChange[] Changes(int count, int templates)
    {
        var make = new Make(1);
        return [.. Enumerable.Range(0, count).Select(i => make.Enrol($"person-{i}", templates, null, ("name", $"Person {i}")))];
    }
}

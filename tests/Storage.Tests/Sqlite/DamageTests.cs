using System.Buffers.Binary;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Sqlite;
using FaceSearch.Storage.Tests.Conformance;

namespace FaceSearch.Storage.Tests.Sqlite;

/// <summary>
/// Bytes of small logs are flipped in turn, and files are cut, all over their length. What is served afterwards is
/// exactly what was stored, or it is refused as damaged; an acknowledged commit is never missing without a word.
/// </summary>
public sealed class DamageTests
{
    private const int FastStride = 997; // A prime: over the pages, the fast suite meets many offsets within a page.

    /// <summary>Every byte where <c>FACESEARCH_EXHAUSTIVE=1</c> asks for it (minutes on all processors), else one in eleven.</summary>
    private static readonly int SlowStride = Environment.GetEnvironmentVariable("FACESEARCH_EXHAUSTIVE") == "1" ? 1 : 11;

    [Fact]
    public Task Flipped_bytes_of_the_database_are_noticed() => FlipAllAsync(FastStride);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Flipped_bytes_all_over_the_database_are_noticed() => FlipAllAsync(SlowStride);

    [Fact]
    public Task Flipped_bytes_of_the_write_ahead_log_are_noticed() => FlipWalAsync(FastStride);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Flipped_bytes_all_over_the_write_ahead_log_are_noticed() => FlipWalAsync(SlowStride);

    [Fact]
    public Task Cut_files_are_noticed() => CutAllAsync(FastStride);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Files_cut_at_lengths_all_over_are_noticed() => CutAllAsync(SlowStride);

    [Fact]
    public async Task A_damaged_acknowledgement_mark_costs_a_notice()
    {
        using DamageImage image = await DamageImage.MakeAsync(closed: true);
        byte[] mark = image.Bytes(LogFile.Mark);
        for (int i = 0; i <= mark.Length; i++)
        {
            byte[] bad = i < mark.Length ? [.. mark] : [];
            if (i < mark.Length)
                bad[i] ^= 0x10;
            DamageImage.Outcome outcome = await image.TryAsync((LogFile.Mark, bad));
            outcome.Refused.ShouldBeNull();
            outcome.Notice.ShouldNotBeNull().ShouldContain("acknowledgement mark");
            outcome.Lsn.ShouldBe(image.Last.Lsn);
        }
    }

    [Fact]
    public async Task A_log_of_another_shard_or_without_its_database_is_refused()
    {
        using DamageImage image = await DamageImage.MakeAsync(closed: true);
        (await image.TryAsync((LogFile.Database, []))).Refused.ShouldNotBeNull();
        var data = new DataFolder(image.Folder);
        Directory.CreateDirectory(Path.GetDirectoryName(data.ShardLog(new("people", 1, 7)))!);
        Directory.Move(data.ShardLog(new("people", 1, 0)), data.ShardLog(new("people", 1, 7)));
        LogDamagedException refused = await Should.ThrowAsync<LogDamagedException>(async () =>
            await new SqliteTemplateLogProvider(data, new FixedTime(Make.Day)).OpenAsync(new("people", 1, 7)));
        refused.Message.ShouldContain("belongs to shard people/1/0");
        File.Delete(Path.Combine(data.ShardLog(new("people", 1, 7)), LogFile.Database));
        await Should.ThrowAsync<LogDamagedException>(async () =>
            await new SqliteTemplateLogProvider(data, new FixedTime(Make.Day)).OpenAsync(new("people", 1, 7)));
    }

    [Fact]
    public async Task A_torn_tail_is_dropped_with_a_notice_and_the_log_goes_on()
    {
        using DamageImage image = await DamageImage.MakeAsync(closed: false);
        byte[] wal = image.Bytes(LogFile.Wal);
        byte[] torn = [.. wal, .. wal.AsSpan(wal.Length - 1000)]; // The begin of a frame that never became complete.
        DamageImage.Outcome outcome = await image.TryAsync((LogFile.Wal, torn));
        outcome.Refused.ShouldBeNull();
        outcome.Lsn.ShouldBe(image.Last.Lsn);
        outcome.Notice.ShouldNotBeNull().ShouldContain("1000 bytes");
    }

    private static async Task FlipAllAsync(int stride)
    {
        using DamageImage image = await DamageImage.MakeAsync(closed: true);
        byte[] good = image.Bytes(LogFile.Database);
        await EachAsync(Positions(good.Length, stride), async i =>
        {
            DamageImage.Outcome outcome = await image.TryAsync((LogFile.Database, Flip(good, i)));
            if (outcome.Refused is null)
                outcome.Lsn.ShouldBe(image.Last.Lsn, $"byte {i}");
        });
    }

    private static async Task FlipWalAsync(int stride)
    {
        using DamageImage image = await DamageImage.MakeAsync(closed: false);
        byte[] good = image.Bytes(LogFile.Wal);
        await EachAsync(Positions(good.Length, stride), async i =>
        {
            byte[] bad = Flip(good, i);
            // The mark says that all of it was acknowledged: all of it, or a refusal.
            DamageImage.Outcome known = await image.TryAsync((LogFile.Wal, bad));
            if (known.Refused is null)
                known.Lsn.ShouldBe(image.Last.Lsn, $"byte {i}");
            // The mark is behind, as after a power cut: a shorter log is said to be one.
            DamageImage.Outcome unknown = await image.TryAsync((LogFile.Wal, bad), (LogFile.Mark, image.OldMark));
            if (unknown.Refused is null && unknown.Lsn != image.Last.Lsn)
                unknown.Notice.ShouldNotBeNull($"byte {i}");
        });
    }

    private static async Task CutAllAsync(int stride)
    {
        using (DamageImage closed = await DamageImage.MakeAsync(closed: true))
        {
            byte[] good = closed.Bytes(LogFile.Database);
            await EachAsync(Positions(good.Length, stride), async i =>
                (await closed.TryAsync((LogFile.Database, good[..i]))).Refused.ShouldNotBeNull($"cut at {i}"));
        }
        using DamageImage open = await DamageImage.MakeAsync(closed: false);
        byte[] wal = open.Bytes(LogFile.Wal);
        HashSet<int> ends = CommitEnds(wal);
        await EachAsync(Positions(wal.Length, stride).Concat(ends).Where(i => i < wal.Length).Distinct(), async i =>
        {
            (await open.TryAsync((LogFile.Wal, wal[..i]))).Refused.ShouldNotBeNull($"cut at {i}");
            DamageImage.Outcome unknown = await open.TryAsync((LogFile.Wal, wal[..i]), (LogFile.Mark, open.OldMark));
            unknown.Refused.ShouldBeNull($"cut at {i}");
            unknown.Lsn.ShouldBeLessThan(open.Last.Lsn);
            if (!ends.Contains(i))
                unknown.Notice.ShouldNotBeNull($"cut at {i}");
        });
    }

    /// <summary>Runs a case at each position, on all processors, and names the positions that failed.</summary>
    private static async Task EachAsync(IEnumerable<int> positions, Func<int, Task> test)
    {
        var failed = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await Parallel.ForEachAsync(positions, async (i, _) =>
        {
            try
            {
                await test(i);
            }
#pragma warning disable CA1031 // Collected.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failed.Enqueue($"at {i}: {e.GetType().Name} {e.Message}");
            }
        });
        failed.ShouldBeEmpty();
    }

    private static IEnumerable<int> Positions(int length, int stride) => Enumerable.Range(0, (length + stride - 1) / stride).Select(i => i * stride);

    private static byte[] Flip(byte[] good, int i)
    {
        byte[] bad = [.. good];
        bad[i] ^= (byte)(1 << ((i * 5) % 8));
        return bad;
    }

    /// <summary>Lengths at which a cut leaves no trace: nothing, the bare header, and after every commit.</summary>
    private static HashSet<int> CommitEnds(byte[] wal)
    {
        HashSet<int> ends = [0, 32];
        for (int at = 32; at + 24 + LogSchema.PageSize <= wal.Length; at += 24 + LogSchema.PageSize)
        {
            if (BinaryPrimitives.ReadUInt32BigEndian(wal.AsSpan(at + 4)) != 0)
                ends.Add(at + 24 + LogSchema.PageSize);
        }
        return ends;
    }
}

namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>A snapshot store under test and what a fault does to its bytes.</summary>
public abstract class SnapshotStoreFixture : IAsyncDisposable
{
    /// <summary>A store on the same place; each call makes another one, as another process would.</summary>
    public abstract ISnapshotStore Connect();

    /// <summary>Names of all stored objects (files, blobs).</summary>
    public abstract ValueTask<IReadOnlyList<string>> ObjectsAsync();

    public abstract ValueTask<byte[]> GetAsync(string name);

    public abstract ValueTask PutAsync(string name, byte[] content);

    public abstract ValueTask RemoveAsync(string name);

    public abstract ValueTask DisposeAsync();
}

/// <summary>What every snapshot store does; each provider runs all of it, unchanged.</summary>
public abstract class SnapshotStoreConformance : IAsyncLifetime
{
    private static readonly ShardId Shard = new("people", 1, 0);
    private static readonly Dictionary<string, string> Files = new() { ["index"] = "the graph, the vectors", ["directory"] = "who owns which", ["sub/part"] = "" };
    private SnapshotStoreFixture _fixture = null!;
    private ISnapshotStore _store = null!;

    protected abstract ValueTask<SnapshotStoreFixture> CreateStoreAsync();

    public async ValueTask InitializeAsync()
    {
        _fixture = await CreateStoreAsync();
        _store = _fixture.Connect();
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _fixture.DisposeAsync();
    }

    [Fact]
    public async Task A_snapshot_is_read_back_byte_for_byte_by_another_process()
    {
        (await _store.ListAsync(Shard)).ShouldBeEmpty();
        SnapshotInfo written = await WriteAsync(5);
        SnapshotInfo listed = (await _fixture.Connect().ListAsync(Shard)).ShouldHaveSingleItem();
        listed.ShouldBe(written);
        listed.Label.ShouldBe(Label(5));
        listed.Bytes.ShouldBe(Files.Sum(f => f.Value.Length));
        await ShouldReadBackAsync(_fixture.Connect(), listed);
    }

    [Fact]
    public async Task The_two_newest_are_kept_newest_first()
    {
        foreach (long lsn in (long[])[3, 9, 6, 12])
            await WriteAsync(lsn);
        (await _store.ListAsync(Shard)).Select(s => s.Label.Lsn).ShouldBe([12, 9]);
        foreach (SnapshotInfo snapshot in await _store.ListAsync(Shard))
            await ShouldReadBackAsync(_store, snapshot);
    }

    [Fact]
    public async Task A_failed_write_leaves_nothing()
    {
        await WriteAsync(3);
        await Should.ThrowAsync<InvalidDataException>(async () => await _store.WriteAsync(Shard, Label(4), (folder, _) =>
        {
            File.WriteAllText(Path.Combine(folder, "index"), "half");
            throw new InvalidDataException("the writer failed");
        }));
        (await _store.ListAsync(Shard)).ShouldHaveSingleItem().Label.Lsn.ShouldBe(3);
        (await _fixture.ObjectsAsync()).Count.ShouldBe(Files.Count + 1);
    }

    [Fact]
    public async Task Every_flipped_byte_is_noticed_and_the_older_snapshot_is_still_there()
    {
        await WriteAsync(3);
        HashSet<string> older = [.. await _fixture.ObjectsAsync()];
        await WriteAsync(7);
        foreach (string name in (await _fixture.ObjectsAsync()).Where(o => !older.Contains(o)))
        {
            byte[] good = await _fixture.GetAsync(name);
            for (int i = 0; i < good.Length; i++)
            {
                byte[] bad = [.. good];
                bad[i] ^= (byte)(1 << (i % 8));
                await _fixture.PutAsync(name, bad);
                await ShouldFallBackAsync($"{name}, byte {i}");
            }
            await _fixture.PutAsync(name, good);
        }
        await ShouldReadBackAsync(_store, (await _store.ListAsync(Shard))[0]);
    }

    [Fact]
    public async Task Every_truncation_and_every_missing_file_is_noticed()
    {
        await WriteAsync(3);
        HashSet<string> older = [.. await _fixture.ObjectsAsync()];
        await WriteAsync(7);
        foreach (string name in (await _fixture.ObjectsAsync()).Where(o => !older.Contains(o)))
        {
            byte[] good = await _fixture.GetAsync(name);
            for (int length = 0; length < good.Length; length++)
            {
                await _fixture.PutAsync(name, good[..length]);
                await ShouldFallBackAsync($"{name}, {length} bytes");
            }
            await _fixture.PutAsync(name, [.. good, 0]);
            await ShouldFallBackAsync($"{name}, one byte more");
            await _fixture.RemoveAsync(name);
            await ShouldFallBackAsync($"{name}, missing");
            await _fixture.PutAsync(name, good);
        }
    }

    [Fact]
    public async Task Deleting_before_an_lsn_takes_older_and_damaged_ones_and_can_be_repeated()
    {
        await WriteAsync(3);
        await WriteAsync(7);
        (await _store.DeleteBeforeAsync(Shard, 3)).ShouldBe(0);
        (await _store.DeleteBeforeAsync(Shard, 7)).ShouldBe(1);
        (await _store.DeleteBeforeAsync(Shard, 7)).ShouldBe(0);
        SnapshotInfo kept = (await _store.ListAsync(Shard)).ShouldHaveSingleItem();
        kept.Label.Lsn.ShouldBe(7);
        await ShouldReadBackAsync(_store, kept);
        HashSet<string> sound = [.. await _fixture.ObjectsAsync()];
        await WriteAsync(9);
        await _fixture.RemoveAsync((await _fixture.ObjectsAsync()).First(o => !sound.Contains(o)));
        (await _store.DeleteBeforeAsync(Shard, 0)).ShouldBe(1);
        (await _fixture.ObjectsAsync()).ShouldBe(sound, ignoreOrder: true);
        (await _store.DeleteBeforeAsync(Shard, 8)).ShouldBe(1);
        (await _fixture.ObjectsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Deleting_a_gallery_leaves_the_others()
    {
        await WriteAsync(3);
        await _store.WriteAsync(new("people2", 1, 0), Label(1), PutFiles);
        await _store.DeleteGalleryAsync("people");
        await _store.DeleteGalleryAsync("people");
        (await _store.ListAsync(Shard)).ShouldBeEmpty();
        (await _store.ListAsync(new("people2", 1, 0))).ShouldHaveSingleItem();
    }

    private static SnapshotLabel Label(long lsn) => new(lsn, (ulong)lsn * 0x9E3779B97F4A7C15, 2, Make.Day.AddSeconds(lsn));

    private static async ValueTask PutFiles(string folder, CancellationToken cancellationToken)
    {
        foreach ((string name, string content) in Files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, name))!);
            await File.WriteAllTextAsync(Path.Combine(folder, name), content, cancellationToken);
        }
    }

    private ValueTask<SnapshotInfo> WriteAsync(long lsn) => _store.WriteAsync(Shard, Label(lsn), PutFiles);

    private static async Task ShouldReadBackAsync(ISnapshotStore store, SnapshotInfo snapshot)
    {
        string folder = await store.OpenAsync(snapshot);
        foreach ((string name, string content) in Files)
            (await File.ReadAllTextAsync(Path.Combine(folder, name))).ShouldBe(content);
    }

    /// <summary>The newer snapshot is not listed, or refused when opened; the older opens.</summary>
    private async Task ShouldFallBackAsync(string fault)
    {
        ISnapshotStore store = _fixture.Connect();
        IReadOnlyList<SnapshotInfo> listed = await store.ListAsync(Shard);
        if (listed.FirstOrDefault(s => s.Label.Lsn != 3) is { } newer)
            await Should.ThrowAsync<SnapshotDamagedException>(async () => await store.OpenAsync(newer), fault);
        await ShouldReadBackAsync(store, listed.Single(s => s.Label.Lsn == 3));
    }
}

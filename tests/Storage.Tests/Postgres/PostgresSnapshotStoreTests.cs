using System.Globalization;
using FaceSearch.Storage.Postgres;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Sqlite;
using Npgsql;

namespace FaceSearch.Storage.Tests.Postgres;

public sealed class PostgresSnapshotStoreTests(SharedServer server) : SnapshotStoreConformance
{
    private static readonly ShardId Shard = new("people", 1, 0);

    protected override async ValueTask<SnapshotStoreFixture> CreateStoreAsync() => new Fixture(await server.CreateAsync());

    [Fact]
    public async Task A_deleted_snapshot_s_bytes_are_in_no_table_and_no_cache_of_the_silo_that_deletes_it()
    {
        await using TestDatabase database = await server.CreateAsync();
        using TempFolder cache = new();
        await using PostgresSnapshotStore store = new(database.Connect(), Path.Combine(cache.Path, "one"), TimeProvider.System);
        byte[] marker = [.. Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31 >> 3))];
        new Random(5).NextBytes(marker);
        SnapshotInfo written = await store.WriteAsync(Shard, new(5, 7, 1, Make.Day), async (folder, stop) => await File.WriteAllBytesAsync(Path.Combine(folder, "index"), marker, stop));
        (await File.ReadAllBytesAsync(Path.Combine(await store.OpenAsync(written), "index"))).ShouldBe(marker);
        (await database.HoldsAsync(marker.AsMemory(1000, 64))).ShouldBeTrue();
        (await store.DeleteBeforeAsync(Shard, 6)).ShouldBe(1);
        (await database.HoldsAsync(marker.AsMemory(1000, 64))).ShouldBeFalse();
        Directory.EnumerateFiles(cache.Path, "*", SearchOption.AllDirectories).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_fenced_shard_cannot_leave_a_snapshot_behind()
    {
        await using TestDatabase database = await server.CreateAsync();
        using TempFolder cache = new();
        await using PostgresSnapshotStore store = new(database.Connect(), Path.Combine(cache.Path, "one"), TimeProvider.System);
        PostgresTemplateLogProvider logs = new(database.Connect(), new FixedTime(Make.Day));
        await using ITemplateLog first = await logs.OpenAsync(Shard);
        await Should.ThrowAsync<EpochFencedException>(async () => await store.WriteAsync(Shard, new(5, 7, first.Epoch, Make.Day), async (folder, stop) =>
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "index"), "faces", stop);
            await using ITemplateLog second = await logs.OpenAsync(Shard, stop);
        }));
        (await store.ListAsync(Shard)).ShouldBeEmpty();
        await store.WriteAsync(Shard, new(5, 7, first.Epoch + 1, Make.Day), async (folder, stop) => await File.WriteAllTextAsync(Path.Combine(folder, "index"), "faces", stop));
        (await store.ListAsync(Shard)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_copy_in_the_cache_of_another_silo_goes_when_the_snapshot_is_deleted()
    {
        await using TestDatabase database = await server.CreateAsync();
        using TempFolder cache = new();
        await using PostgresSnapshotStore one = new(database.Connect(), Path.Combine(cache.Path, "one"), TimeProvider.System);
        await using PostgresSnapshotStore two = new(database.Connect(), Path.Combine(cache.Path, "two"), TimeProvider.System);
        SnapshotInfo written = await one.WriteAsync(Shard, new(5, 7, 1, Make.Day), async (folder, stop) => await File.WriteAllTextAsync(Path.Combine(folder, "index"), "faces", stop));
        string copy = await two.OpenAsync(written);
        await one.DeleteGalleryAsync("people");
        for (int i = 0; i < 600 && Directory.Exists(copy); i++)
            await Task.Delay(50);
        Directory.Exists(copy).ShouldBeFalse();
    }

    /// <summary>Objects: "manifest NAME", and "NAME file number" for each chunk.</summary>
    private sealed class Fixture(TestDatabase database) : SnapshotStoreFixture
    {
        private readonly TempFolder _cache = new();
        private readonly List<PostgresSnapshotStore> _stores = [];

        public override ISnapshotStore Connect()
        {
            PostgresSnapshotStore store = new(_database, Path.Combine(_cache.Path, Guid.NewGuid().ToString("n")), TimeProvider.System);
            _stores.Add(store);
            return store;
        }

        public override async ValueTask<IReadOnlyList<string>> ObjectsAsync()
        {
            List<string> names = [];
            foreach ((string name, long key) in await RowsAsync("SELECT name, key FROM facesearch.snapshots", r => (r.GetString(0), r.GetInt64(1))))
            {
                names.AddRange(await RowsAsync($"SELECT file, number FROM facesearch.snapshot_{key}", r => string.Create(CultureInfo.InvariantCulture, $"{key} {r.GetString(0)} {r.GetInt64(1)}")));
                names.Add($"{key} manifest");
            }
            return names;
        }

        public override async ValueTask<byte[]> GetAsync(string name) => name.Split(' ') is [var key, var file, var number]
            ? (await RowsAsync($"SELECT bytes FROM facesearch.snapshot_{key} WHERE file = '{file}' AND number = {number}", r => r.GetFieldValue<byte[]>(0)))[0]
            : (await RowsAsync($"SELECT manifest FROM facesearch.snapshots WHERE key = {name.Split(' ')[0]}", r => r.GetFieldValue<byte[]>(0)))[0];

        public override async ValueTask PutAsync(string name, byte[] content)
        {
            string hex = Convert.ToHexString(content);
            await RowsAsync(name.Split(' ') is [var key, var file, var number]
                ? $"INSERT INTO facesearch.snapshot_{key} VALUES ('{file}', {number}, decode('{hex}', 'hex')) ON CONFLICT (file, number) DO UPDATE SET bytes = excluded.bytes"
                : $"INSERT INTO facesearch.snapshots OVERRIDING SYSTEM VALUE VALUES ({name.Split(' ')[0]}, 'people', 1, 0, '{_removed}', decode('{hex}', 'hex')) ON CONFLICT (key) DO UPDATE SET manifest = excluded.manifest",
                _ => 0);
        }

        private string _removed = "";

        public override async ValueTask RemoveAsync(string name)
        {
            if (name.Split(' ') is [var key, var file, var number])
                await RowsAsync($"DELETE FROM facesearch.snapshot_{key} WHERE file = '{file}' AND number = {number}", _ => 0);
            else
                _removed = (await RowsAsync($"DELETE FROM facesearch.snapshots WHERE key = {name.Split(' ')[0]} RETURNING name", r => r.GetString(0)))[0];
        }

        public override async ValueTask DisposeAsync()
        {
            foreach (PostgresSnapshotStore store in _stores)
                await store.DisposeAsync();
            await database.DisposeAsync();
            _cache.Dispose();
        }

        private async Task<List<T>> RowsAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
        {
            await using NpgsqlCommand command = _database.Source.CreateCommand(sql);
            await using NpgsqlDataReader r = await command.ExecuteReaderAsync();
            List<T> rows = [];
            while (await r.ReadAsync())
                rows.Add(read(r));
            return rows;
        }

        private readonly PostgresDatabase _database = database.Connect();
    }
}

using FaceSearch.Storage.Crops;
using FaceSearch.Storage.Files;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Sqlite;
using Microsoft.Data.Sqlite;

namespace FaceSearch.Storage.Tests.Crops;

public sealed class SqliteCropStoreTests : CropStoreConformance
{
    private Fixture _files = null!;

    protected override ValueTask<CropStoreFixture> CreateStoreAsync() => new(_files = new Fixture());

    protected override async ValueTask HoldsNothingThatOnlyCameFromAsync(IReadOnlyList<byte[]> before, ICropStore store, TemplateId[] erased)
    {
        byte[] key = Fixture.WrappedKey(before, erased[0]);
        IReadOnlyList<byte[]> now = await _files.BytesAsync();
        before.Any(f => f.AsSpan().IndexOf(key) >= 0).ShouldBeTrue("the key was to be found before");
        now.Any(f => f.AsSpan().IndexOf(key) >= 0).ShouldBeFalse("the template's key must be in no file");
    }

    [Fact]
    public async Task The_master_key_can_be_kept_elsewhere_and_without_it_nothing_is_readable()
    {
        using TempFolder data = new(), safe = new();
        TemplateId[] one = [new(1)];
        await using (SqliteCropStore store = new(new DataFolder(data.Path), Path.Combine(safe.Path, "key")))
            await store.PutAsync("people", "ann", [new RetainedImage(new(1), ImageKind.Crop, [1, 2, 3])], TestContext.Current.CancellationToken);
        Directory.GetFiles(data.Path, "master.key", SearchOption.AllDirectories).ShouldBeEmpty();
        if (!OperatingSystem.IsWindows())
            File.GetUnixFileMode(Path.Combine(safe.Path, "key")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);

        await using SqliteCropStore other = new(new DataFolder(data.Path), Path.Combine(safe.Path, "another"));
        RetainedImages read = await other.ReadAsync("people", one, ImageKind.Crop, TestContext.Current.CancellationToken);
        read.Images.ShouldBeEmpty();
        read.Damaged.ShouldBe(one);
    }

    private sealed class Fixture : CropStoreFixture
    {
        private readonly TempFolder _folder = new();
        private SqliteCropStore? _open;

        public override async ValueTask<ICropStore> ConnectAsync()
        {
            if (_open is not null)
                await _open.DisposeAsync();
            return _open = new SqliteCropStore(new DataFolder(_folder.Path));
        }

        /// <summary>A copy made by another process: opening the files here would drop SQLite's locks on them.</summary>
        public override ValueTask<IReadOnlyList<byte[]>> BytesAsync()
        {
            using TempFolder copy = new();
            _folder.CopyTo(copy.Path);
            return new([.. Directory.EnumerateFiles(copy.Path, "*", SearchOption.AllDirectories).Select(File.ReadAllBytes)]);
        }

        public static byte[] WrappedKey(IReadOnlyList<byte[]> files, TemplateId template)
        {
            using TempFolder copy = new();
            byte[] database = files.Single(f => f.AsSpan().StartsWith("SQLite format 3\0"u8) && f.Length >= 4096);
            File.WriteAllBytes(Path.Combine(copy.Path, "crops.db"), database);
            if (files.FirstOrDefault(f => f.Length > 32 && f[0] == 0x37 && f[1] == 0x7f) is { } wal)
                File.WriteAllBytes(Path.Combine(copy.Path, "crops.db-wal"), wal);
            using SqliteConnection connection = new($"Data Source={Path.Combine(copy.Path, "crops.db")};Pooling=False");
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "SELECT wrapped FROM keys WHERE template = @t";
            command.Parameters.AddWithValue("@t", template.Value);
            return (byte[])command.ExecuteScalar()!;
        }

        public override async ValueTask DamageImagesAsync()
        {
            await _open!.DisposeAsync();
            _open = null;
            using SqliteConnection connection = new($"Data Source={Path.Combine(_folder.Path, "crops", "people", "crops.db")};Pooling=False");
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "SELECT key, body FROM images";
            List<(long Key, byte[] Body)> rows = [];
            using (SqliteDataReader r = command.ExecuteReader())
            {
                while (r.Read())
                    rows.Add((r.GetInt64(0), r.GetFieldValue<byte[]>(1)));
            }
            foreach ((long key, byte[] body) in rows)
            {
                body[^1] ^= 1;
                using SqliteCommand update = connection.CreateCommand();
                update.CommandText = "UPDATE images SET body = @b WHERE key = @k";
                update.Parameters.AddWithValue("@b", body);
                update.Parameters.AddWithValue("@k", key);
                update.ExecuteNonQuery();
            }
        }

        public override async ValueTask DisposeAsync()
        {
            if (_open is not null)
                await _open.DisposeAsync();
            _folder.Dispose();
        }
    }
}

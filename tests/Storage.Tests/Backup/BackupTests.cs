using System.Security.Cryptography;
using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Postgres;
using FaceSearch.Storage.Tests.Sqlite;
using Orleans;
using Orleans.Runtime;

namespace FaceSearch.Storage.Tests.Backup;

public sealed class BackupTests(SharedServer server)
{
    private static readonly ShardId First = new("people", 1, 0), Second = new("people", 1, 1), Other = new("abc", 3, 0);
    private static readonly BackupSecret Secret = BackupSecret.OfPassphrase("correct horse battery");

    public static readonly TheoryData<string, string> Pairs = new(
        from source in (string[])["sqlite", "postgres", "azure"] from target in (string[])["sqlite", "postgres", "azure"] select (source, target));

    [Theory, MemberData(nameof(Pairs))]
    public async Task A_restore_has_the_content_digests_and_operations_of_its_source(string from, string into)
    {
        byte[] master = RandomNumberGenerator.GetBytes(32);
        await using Site source = await SiteAsync(from, master);
        await using Site target = await SiteAsync(into, master);
        using TempFolder folder = new();
        List<IdentityChange> done = await FillAsync(source);
        List<string> before = await ContentAsync(source);
        BackupManifest manifest = await new BackupWriter(source.Stores, folder.Path, Secret, TimeProvider.System).RunAsync();
        manifest.Logs.Count.ShouldBe(3);
        await new BackupReader(folder.Path, Secret).RestoreAsync(target.Stores);
        (await ContentAsync(target)).ShouldBe(before);
        await using ITemplateLog log = await target.Logs.OpenAsync(First);
        (await log.CommitAsync(done[0])).Status.ShouldBe(CommitStatus.Superseded, "its identity was erased before the backup");
        (await log.CommitAsync(done[1])).Status.ShouldBe(CommitStatus.Replayed);
        (await log.CommitAsync(done[1] with { Fingerprint = 1 })).Status.ShouldBe(CommitStatus.OperationReused);
        TemplateId removed = (await log.ListRemovedAsync())[0];
        Make more = new(99);
        (await log.CommitAsync(more.Enrol("late") with { Add = [more.Template() with { Id = removed }] })).Status.ShouldBe(CommitStatus.TemplateIdTaken);
        (await log.CommitAsync(more.Enrol("late"))).Status.ShouldBe(CommitStatus.Applied);
        (await log.VerifyAsync()).Identities.ShouldBe(log.Head.Identities);
    }

    [Fact]
    public async Task A_backup_of_a_log_that_is_open_does_not_fence_its_owner()
    {
        foreach (string provider in (string[])["sqlite", "postgres", "azure"])
        {
            await using Site source = await SiteAsync(provider);
            using TempFolder folder = new();
            Make make = new(5);
            await using ITemplateLog log = await source.Logs.OpenAsync(First);
            await log.CommitAsync(make.Enrol("ann"));
            BackupManifest manifest = await new BackupWriter(source.Stores, folder.Path, Secret, TimeProvider.System).RunAsync();
            manifest.Logs.ShouldHaveSingleItem().Lsn.ShouldBe(log.Head.Lsn);
            (await log.CommitAsync(make.Enrol("bob"))).Status.ShouldBe(CommitStatus.Applied);
            (await log.IsCurrentAsync()).ShouldBeTrue();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_damaged_cut_or_missing_file_is_refused_by_name_and_nothing_is_restored(bool encrypted)
    {
        BackupSecret? secret = encrypted ? Secret : null;
        byte[] master = RandomNumberGenerator.GetBytes(32);
        await using SqliteSite source = new(master);
        await FillAsync(source);
        using TempFolder folder = new();
        BackupManifest manifest = await new BackupWriter(source.Stores, folder.Path, secret, TimeProvider.System).RunAsync();
        await using SqliteSite target = new(master);
        foreach (string name in manifest.Files.Select(f => f.Path).Append(BackupManifest.FileName))
        {
            string file = Path.Combine(folder.Path, name);
            byte[] whole = await File.ReadAllBytesAsync(file);
            byte[] flipped = [.. whole];
            flipped[whole.Length / 2] ^= 1;
            foreach (byte[] bad in (byte[][])[flipped, whole[..^1], [.. whole, 0], []])
            {
                await File.WriteAllBytesAsync(file, bad);
                (await Should.ThrowAsync<BackupDamagedException>(() => new BackupReader(folder.Path, secret).RestoreAsync(target.Stores))).Message.ShouldContain(name);
            }
            File.Delete(file);
            (await Should.ThrowAsync<StorageException>(() => new BackupReader(folder.Path, secret).RestoreAsync(target.Stores))).Message.ShouldContain(name);
            await File.WriteAllBytesAsync(file, whole);
        }
        await new BackupReader(folder.Path, secret).RestoreAsync(target.Stores);
        (await ContentAsync(target)).ShouldBe(await ContentAsync(source));
    }

    [Fact]
    public async Task A_wrong_or_missing_secret_is_refused()
    {
        await using SqliteSite source = new(), target = new();
        await FillAsync(source);
        using TempFolder folder = new(), keys = new();
        string right = Path.Combine(keys.Path, "right"), wrong = Path.Combine(keys.Path, "wrong");
        await File.WriteAllBytesAsync(right, RandomNumberGenerator.GetBytes(32));
        await File.WriteAllBytesAsync(wrong, RandomNumberGenerator.GetBytes(32));
        await new BackupWriter(source.Stores, Path.Combine(folder.Path, "a"), Secret, TimeProvider.System).RunAsync();
        await new BackupWriter(source.Stores, Path.Combine(folder.Path, "b"), BackupSecret.OfKeyFile(right), TimeProvider.System).RunAsync();
        await Should.ThrowAsync<BackupDamagedException>(() => Read("a", BackupSecret.OfPassphrase("incorrect horse battery")));
        await Should.ThrowAsync<BackupRefusedException>(() => Read("a", null));
        await Should.ThrowAsync<BackupRefusedException>(() => Read("a", BackupSecret.OfKeyFile(right)));
        await Should.ThrowAsync<BackupDamagedException>(() => Read("b", BackupSecret.OfKeyFile(wrong)));
        Should.Throw<BackupRefusedException>(() => BackupSecret.OfPassphrase("short"));
        (await Read("b", BackupSecret.OfKeyFile(right))).Logs.Count.ShouldBe(3);

        Task<BackupManifest> Read(string name, BackupSecret? secret) => new BackupReader(Path.Combine(folder.Path, name), secret).RestoreAsync(target.Stores);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    [InlineData("azure")]
    public async Task A_target_that_holds_anything_is_refused(string provider)
    {
        await using SqliteSite source = new();
        using TempFolder folder = new();
        await FillAsync(source);
        await new BackupWriter(source.Stores, folder.Path, Secret, TimeProvider.System).RunAsync();
        Func<Site, Task>[] fillings =
        [
            async site => await (await site.Logs.OpenAsync(new("somebody", 0, 0))).DisposeAsync(),
            async site => await site.Images.PutAsync("somebody", "ann", [new(new(1), ImageKind.Crop, [1])]),
            site => site.Grains.WriteStateAsync("gallery", GrainId.Create(Site.Gallery, "2024"), new GrainState<RawGrainState>(new() { Bytes = [1] })),
        ];
        foreach (Func<Site, Task> fill in fillings)
        {
            await using Site target = await SiteAsync(provider);
            await fill(target);
            (await Should.ThrowAsync<BackupRefusedException>(() => new BackupReader(folder.Path, Secret).RestoreAsync(target.Stores))).Message.ShouldContain("not empty");
        }
        await Should.ThrowAsync<BackupRefusedException>(() => new BackupWriter(source.Stores, folder.Path, Secret, TimeProvider.System).RunAsync());
    }

    [Fact]
    public async Task A_damaged_log_ends_the_backup_without_a_manifest()
    {
        await using PostgresSite source = await PostgresSite.CreateAsync(server);
        await FillAsync(source);
        await source.ExecuteAsync("DELETE FROM facesearch.log_1_identities WHERE key = (SELECT max(key) FROM facesearch.log_1_identities)");
        using TempFolder folder = new();
        await Should.ThrowAsync<LogDamagedException>(() => new BackupWriter(source.Stores, folder.Path, Secret, TimeProvider.System).RunAsync());
        await Should.ThrowAsync<BackupRefusedException>(() => new BackupReader(folder.Path, Secret).VerifyAsync());
    }

    [Fact]
    public async Task An_encrypted_backup_shows_no_embedding_and_no_name_and_only_its_owner_can_read_it()
    {
        await using SqliteSite source = new();
        Make make = new(8);
        IdentityChange change = make.Enrol("somebody-special", 1, null, ("note", "a-very-secret-note"));
        await using (ITemplateLog log = await source.Logs.OpenAsync(First))
            await log.CommitAsync(change);
        foreach (bool encrypted in (bool[])[true, false])
        {
            using TempFolder folder = new();
            await new BackupWriter(source.Stores, folder.Path, encrypted ? Secret : null, TimeProvider.System).RunAsync();
            string[] files = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories);
            foreach (byte[] needle in (byte[][])[change.Add[0].Embedding.Bytes.ToArray(), "somebody-special"u8.ToArray(), "a-very-secret-note"u8.ToArray()])
                files.Any(f => File.ReadAllBytes(f).AsSpan().IndexOf(needle) >= 0).ShouldBe(!encrypted);
            if (!OperatingSystem.IsWindows())
                Modes(files).ShouldAllBe(mode => mode == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }
    }

    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    private static UnixFileMode[] Modes(string[] files) => [.. files.Select(File.GetUnixFileMode)];

    private async Task<Site> SiteAsync(string provider, byte[]? master = null) => provider switch
    {
        "postgres" => await PostgresSite.CreateAsync(server, master),
        "azure" => await AzureSite.CreateAsync(master),
        _ => new SqliteSite(master),
    };

    /// <summary>Three shards with a history; more rows than one chunk holds in the first. The first two changes of the first shard are returned.</summary>
    private static async Task<List<IdentityChange>> FillAsync(Site site)
    {
        Make make = new(7);
        List<IdentityChange> done = [];
        foreach (ShardId shard in (ShardId[])[First, Second, Other])
        {
            await using ITemplateLog log = await site.Logs.OpenAsync(shard);
            List<IdentityChange> enrolments = [.. Enumerable.Range(0, shard == First ? 2_100 : 5).Select(i => make.Enrol($"person-{i}", 1 + (i % 2), null, ("n", $"\u0000ä{i}")))];
            CommitResult[] results = await Task.WhenAll(enrolments.Select(e => log.CommitAsync(e).AsTask()));
            results.ShouldAllBe(r => r.Status == CommitStatus.Applied);
            (await log.CommitAsync(make.Erase("person-0"))).Status.ShouldBe(CommitStatus.Applied);
            IdentityChange remove = new() { OperationId = make.Operation(), Identity = "person-3", Remove = [enrolments[3].Add[0].Id], At = Make.Day };
            (await log.CommitAsync(remove)).Status.ShouldBe(CommitStatus.Applied);
            await log.ClearOutboxAsync(log.Head.Lsn - 3);
            if (shard == First)
                done.AddRange(enrolments[..2]);
        }
        await site.Images.PutAsync("people", "person-1", [new(new(11), ImageKind.Crop, [1, 2]), new(new(11), ImageKind.Original, [3]), new(new(12), ImageKind.Crop, [4])]);
        await site.Images.PutAsync("people", "person-2", [new(new(21), ImageKind.Crop, [5])]);
        await site.Images.EraseAsync("people", [new(12), new(21)]);
        foreach (string key in (string[])["people", "abc", "2024"])
            await site.Grains.WriteStateAsync("gallery", GrainId.Create(Site.Gallery, key), new GrainState<RawGrainState>(new() { Bytes = [.. System.Text.Encoding.UTF8.GetBytes(key), 0, 255] }));
        string models = Path.Combine(site.Folder.Path, "models", "embedder");
        Directory.CreateDirectory(models);
        byte[] network = new byte[(5 << 20) / 2];
        make.Random.NextBytes(network);
        await File.WriteAllBytesAsync(Path.Combine(models, "network.onnx"), network);
        await File.WriteAllBytesAsync(Path.Combine(models, "empty"), []);
        return done;
    }

    private static async Task<List<string>> ContentAsync(Site site)
    {
        List<string> lines = [];
        foreach (ShardId shard in (ShardId[])[First, Second, Other])
        {
            await using ITemplateLog log = await site.Logs.OpenAsync(shard);
            lines.Add(await log.ContentAsync());
            lines.AddRange((await log.ListIdentitiesAsync(null, 10_000)).Select(LogReading.Line));
            lines.Add(string.Join(' ', await log.ListRemovedAsync()));
            lines.AddRange((await log.ReadOutboxAsync(10_000)).Select(e => $"{e.Lsn} {e.Kind} {e.Identity} {string.Join(' ', e.Templates)} {e.At:O}"));
            (await log.VerifyAsync()).ShouldBe(log.Head);
        }
        foreach (ImageKind kind in (ImageKind[])[ImageKind.Crop, ImageKind.Original])
        {
            RetainedImages images = await site.Images.ReadAsync("people", [new(11), new(12), new(21)], kind);
            lines.AddRange(images.Images.Select(i => $"{i.Template} {i.Kind} {Convert.ToHexString(i.Bytes)}"));
        }
        foreach (string key in (string[])["people", "abc", "2024"])
        {
            GrainState<RawGrainState> state = new(new());
            await site.Grains.ReadStateAsync("gallery", GrainId.Create(Site.Gallery, key), state);
            lines.Add($"{key} {state.RecordExists} {Convert.ToHexString(state.State!.Bytes)}");
        }
        foreach (string file in Directory.GetFiles(Path.Combine(site.Folder.Path, "models"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            lines.Add($"{Path.GetFileName(file)} {Convert.ToHexString(SHA256.HashData(await File.ReadAllBytesAsync(file)))}");
        return lines;
    }
}

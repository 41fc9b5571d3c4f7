using System.Security.Cryptography;
using FaceSearch.Storage.Backup;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Postgres;
using FaceSearch.Storage.Tests.Sqlite;

namespace FaceSearch.Storage.Tests.Backup;

/// <summary>What changes while a backup is being written.</summary>
public sealed class MovingTargetTests(SharedServer server)
{
    private static readonly ShardId First = new("people", 1, 0), Second = new("people", 1, 1), Later = new("people", 2, 0);

    [Fact]
    public async Task A_gallery_that_grows_or_switches_meanwhile_is_copied_again_and_one_that_is_deleted_is_left_out()
    {
        await using SqliteSite source = new(), target = new();
        using TempFolder folder = new();
        Make make = new(3);
        foreach (ShardId shard in (ShardId[])[First, Second, Later, new("abc", 3, 0)])
            await EnrolAsync(source, shard, make.Enrol($"person-{shard.Generation}-{shard.Shard}"));
        await source.Images.PutAsync("abc", "person-3-0", [new(new(1), ImageKind.Crop, [1])]);
        BackupStores stores = source.Stores;
        source.Frame.Galleries["people"] = (1, 1);
        source.Frame.Looked = (gallery, times) =>
        {
            if (gallery == "abc" && times == 2)
                source.Frame.Galleries.Remove("abc");
            if (gallery == "people" && times is 2 or 4)
                source.Frame.Galleries["people"] = times == 2 ? (1, 2) : (2, 1);
            return Task.CompletedTask;
        };
        BackupManifest manifest = await new BackupWriter(stores, folder.Path, null, TimeProvider.System).RunAsync();
        manifest.Logs.Select(l => l.Path).ShouldBe(["logs/people/g2/s0"]);
        manifest.Images.ShouldBeEmpty();
        Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder.Path, f)).Order(StringComparer.Ordinal)
            .ShouldBe(["grains", "logs/people/g2/s0", "manifest"]);
        await new BackupReader(folder.Path, null).RestoreAsync(target.Stores);
    }

    [Fact]
    public async Task A_gallery_that_never_keeps_its_shape_ends_the_backup_with_the_reason()
    {
        await using SqliteSite source = new();
        using TempFolder folder = new();
        BackupStores stores = source.Stores;
        source.Frame.Looked = (gallery, times) =>
        {
            if (gallery == "people")
                source.Frame.Galleries["people"] = (1, times);
            return Task.CompletedTask;
        };
        (await Should.ThrowAsync<BackupRefusedException>(() => new BackupWriter(stores, folder.Path, null, TimeProvider.System).RunAsync())).Message.ShouldContain("people");
        File.Exists(Path.Combine(folder.Path, BackupManifest.FileName)).ShouldBeFalse();
    }

    /// <summary>Images are copied before logs: what is enrolled in between has none, and what is erased in between is in the log as removed.</summary>
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    [InlineData("azure")]
    public async Task Enrolments_and_erasures_during_the_copy_leave_every_row_whole_and_every_old_image_readable(string provider)
    {
        byte[] master = RandomNumberGenerator.GetBytes(32);
        await using Site source = provider switch
        {
            "postgres" => await PostgresSite.CreateAsync(server, master),
            "azure" => await AzureSite.CreateAsync(master),
            _ => new SqliteSite(master),
        };
        await using SqliteSite target = new(master);
        using TempFolder folder = new();
        Make make = new(4);
        List<(string Person, TemplateId Template)> kept = [];
        await using ITemplateLog log = await source.Logs.OpenAsync(First);
        for (int i = 0; i < 60; i++)
            kept.Add(await EnrolAsync(i));
        using CancellationTokenSource stop = new();
        int next = 1000, erased = 0;
        Task load = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                (string person, TemplateId template) = await EnrolAsync(next++);
                (await log.CommitAsync(make.Erase(person))).Status.ShouldBe(CommitStatus.Applied);
                await source.Images.EraseAsync("people", [template]);
                await log.ScrubAsync();
                await EnrolAsync(next++);
                // Someone who is forgotten and comes back has other keys.
                await EnrolAsync(next - 2);
                Interlocked.Increment(ref erased);
            }
        });
        BackupManifest manifest;
        try
        {
            int run = 0;
            do
            {
                string to = Path.Combine(folder.Path, $"b{run++}");
                BackupStores stores = source.Stores;
                source.Frame.Galleries.Clear();
                source.Frame.Galleries["people"] = (1, 2);
                manifest = await new BackupWriter(stores, to, null, TimeProvider.System).RunAsync();
                await new BackupReader(to, null).VerifyAsync();
            }
            while (Volatile.Read(ref erased) < 10);
            await new BackupReader(Path.Combine(folder.Path, $"b{run - 1}"), null).RestoreAsync(target.Stores);
        }
        finally
        {
            await stop.CancelAsync();
            await load;
        }
        await using ITemplateLog restored = await target.Logs.OpenAsync(First);
        (await restored.VerifyAsync()).Lsn.ShouldBe(manifest.Logs.Single().Lsn);
        RetainedImages images = await target.Images.ReadAsync("people", [.. kept.Select(k => k.Template)], ImageKind.Crop);
        (images.Images.Count, images.Damaged.Count).ShouldBe((60, 0));
        IReadOnlyList<StoredIdentity> people = await restored.ListIdentitiesAsync(null, 10_000);
        people.Select(p => p.Id).ShouldBeSubsetOf(Enumerable.Range(0, next).Select(i => $"p{i}"));
        kept.ShouldAllBe(k => people.Any(p => p.Id == k.Person));
        (await target.Images.ReadAsync("people", [.. people.SelectMany(p => p.Templates).Select(t => t.Id)], ImageKind.Crop)).Damaged.ShouldBeEmpty();

        async Task<(string, TemplateId)> EnrolAsync(int number)
        {
            IdentityChange change = make.Enrol($"p{number}");
            (await log.CommitAsync(change)).Status.ShouldBe(CommitStatus.Applied);
            await source.Images.PutAsync("people", change.Identity, [new(change.Add[0].Id, ImageKind.Crop, [1, 2, 3])]);
            return (change.Identity, change.Add[0].Id);
        }
    }

    private static async Task EnrolAsync(Site site, ShardId shard, IdentityChange change)
    {
        await using ITemplateLog log = await site.Logs.OpenAsync(shard);
        (await log.CommitAsync(change)).Status.ShouldBe(CommitStatus.Applied);
    }
}

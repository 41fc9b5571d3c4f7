using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Sqlite;

namespace FaceSearch.Storage.Tests.Azure;

/// <summary>The disk of the cache folder is full; the account is not.</summary>
public sealed class AzureFullDiskTests
{
    private static readonly ShardId Shard = new("people", 1, 0);

    [Fact]
    public async Task A_full_cache_folder_refuses_commits_and_takes_them_again_when_there_is_space()
    {
        await using AzureStore store = await AzureStore.CreateAsync();
        using SmallDisk disk = new(megabytes: 3);
        string ballast = Path.Combine(disk.Path, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[1 << 20], TestContext.Current.CancellationToken);
        AzureStorageOptions options = store.Options(cacheFolder: Path.Combine(disk.Path, "cache"));
        using LocalCache cache = new(options.CacheFolder);
        Make make = new(9);
        List<IdentityChange> acknowledged = [];
        await using (ITemplateLog log = await new AzureTemplateLogProvider(options, cache, new FixedTime(Make.Day)).OpenAsync(Shard, TestContext.Current.CancellationToken))
        {
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
            log.Head.Identities.ShouldBe(acknowledged.Count);
            File.Delete(ballast);
            acknowledged.Add(make.Enrol("fits now", 8));
            (await log.CommitAsync(acknowledged[^1])).Status.ShouldBe(CommitStatus.Applied);
        }
        await using ITemplateLog again = await store.Connect(store.Options()).OpenAsync(Shard, TestContext.Current.CancellationToken);
        foreach (IdentityChange change in acknowledged)
            (await again.CommitAsync(change)).Status.ShouldBe(CommitStatus.Replayed);
        (await again.VerifyAsync()).Identities.ShouldBe(acknowledged.Count, "what was refused must not be in the account");
    }
}

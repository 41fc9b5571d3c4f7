using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Storage.Tests.Sqlite;

namespace FaceSearch.Storage.Tests.Azure;

/// <summary>The disk of the cache folder is full; the account is not.</summary>
public sealed class AzureFullDiskTests
{
    private static readonly ShardId Shard = new("people", 1, 0);

    [Fact]
    public async Task A_full_cache_folder_stops_the_log_and_opening_it_again_with_space_finds_everything_acknowledged()
    {
        await using AzureStore store = await AzureStore.CreateAsync();
        using SmallDisk disk = new(megabytes: 3);
        string ballast = Path.Combine(disk.Path, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[1 << 20], TestContext.Current.CancellationToken);
        AzureStorageOptions options = store.Options(cacheFolder: Path.Combine(disk.Path, "cache"));
        using LocalCache cache = new(options.CacheFolder);
        AzureTemplateLogProvider provider = new(options, cache, new FixedTime(Make.Day));
        Make make = new(9);
        List<IdentityChange> acknowledged = [];
        await using (ITemplateLog log = await provider.OpenAsync(Shard, TestContext.Current.CancellationToken))
        {
            await Should.ThrowAsync<LogPoisonedException>(async () =>
            {
                for (int i = 0; i < 100_000; i++)
                {
                    IdentityChange change = make.Enrol($"p{i}", 8);
                    await log.CommitAsync(change);
                    acknowledged.Add(change);
                }
            });
            await Should.ThrowAsync<LogPoisonedException>(async () => await log.CommitAsync(make.Enrol("later")));
        }
        acknowledged.Count.ShouldBeGreaterThan(10);
        File.Delete(ballast);
        await using ITemplateLog again = await provider.OpenAsync(Shard, TestContext.Current.CancellationToken);
        foreach (IdentityChange change in acknowledged)
            (await again.CommitAsync(change)).Status.ShouldBe(CommitStatus.Replayed);
        again.Head.Identities.ShouldBeInRange(acknowledged.Count, acknowledged.Count + 1, "the refused one may have reached the account");
        (await again.CommitAsync(make.Enrol("fits now", 8))).Status.ShouldBe(CommitStatus.Applied);
    }
}

using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using FaceSearch.Storage.Azure;
using FaceSearch.Storage.Tests.Conformance;
using FaceSearch.Tests.Servers;

namespace FaceSearch.Storage.Tests.Azure;

/// <summary>What is particular to a log in blobs: segments, compaction, leftovers, damage, and accounts that keep what is deleted.</summary>
public sealed class AzureLogTests : IAsyncLifetime
{
    private static readonly ShardId Shard = new("people", 1, 0);
    private readonly Make _make = new(31);
    private AzureStore _store = null!;

    public async ValueTask InitializeAsync() => _store = await AzureStore.CreateAsync();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    private BlobContainerClient Container => _store.Blobs.GetBlobContainerClient(_store.Options().LogContainer);

    [Fact]
    public async Task A_log_goes_on_in_another_blob_before_the_service_s_limit_of_blocks()
    {
        AzureTemplateLogProvider provider = _store.Connect(_store.Options(blocksPerSegment: 4));
        string content;
        await using (ITemplateLog log = await provider.OpenAsync(Shard))
        {
            for (int i = 0; i < 11; i++)
                await log.CommitAsync(_make.Enrol($"p{i}"));
            content = await log.ContentAsync();
            (await NamesAsync()).Count(n => n.Contains("-groups-", StringComparison.Ordinal)).ShouldBe(3);
        }
        await using ITemplateLog again = await provider.OpenAsync(Shard);
        (await again.ContentAsync()).ShouldBe(content);
    }

    [Fact]
    public async Task A_scrub_rewrites_only_the_ranges_that_lost_a_template_and_without_a_removal_nothing()
    {
        AzureTemplateLogProvider provider = _store.Connect(_store.Options(templatesPerPart: 10));
        await using ITemplateLog log = await provider.OpenAsync(Shard);
        for (int i = 0; i < 35; i++)
            await log.CommitAsync(_make.Enrol($"p{i:00}"));
        await log.CommitAsync(_make.Erase("p34"));
        await log.ScrubAsync();
        string[] first = await TemplatePartsAsync();
        first.Length.ShouldBe(4);
        await log.ScrubAsync();
        (await TemplatePartsAsync()).ShouldBe(first);

        await log.CommitAsync(_make.Erase("p12"));
        await log.CommitAsync(_make.Enrol("late"));
        await log.ScrubAsync();
        string[] second = await TemplatePartsAsync();
        second.Length.ShouldBe(4);
        second.Intersect(first).Count().ShouldBe(2, "the parts with p12 and the last, unfinished one are new");
        (await log.VerifyAsync()).ShouldBe(log.Head);
        string content = await log.ContentAsync();
        await using ITemplateLog again = await provider.OpenAsync(Shard);
        (await again.ContentAsync()).ShouldBe(content);
        (await again.ListRemovedAsync()).Count.ShouldBe(2);
    }

    [Fact]
    public async Task Commits_go_on_while_a_scrub_writes_and_both_are_there_afterwards()
    {
        await using ITemplateLog log = await _store.Connect().OpenAsync(Shard);
        for (int i = 0; i < 200; i++)
            await log.CommitAsync(_make.Enrol($"p{i}", 5));
        await log.CommitAsync(_make.Erase("p0"));
        Task scrub = log.ScrubAsync().AsTask();
        int during = 0;
        for (; !scrub.IsCompleted || during == 0; during++)
            (await log.CommitAsync(_make.Enrol($"during-{during}"))).Status.ShouldBe(CommitStatus.Applied);
        await scrub;
        log.Head.Identities.ShouldBe(199 + during);
        (await log.VerifyAsync()).ShouldBe(log.Head);
        await using ITemplateLog again = await _store.Connect().OpenAsync(Shard);
        again.Head.ShouldBe(log.Head);
    }

    [Fact]
    public async Task What_a_dead_opener_left_is_deleted_at_the_next_opening_and_what_a_later_one_makes_is_not()
    {
        string incarnation;
        await using (ITemplateLog log = await _store.Connect().OpenAsync(Shard))
        {
            await log.CommitAsync(_make.Enrol("ada"));
            incarnation = (await NamesAsync()).Single(n => n.Contains("-groups-", StringComparison.Ordinal)).Split('/')[3];
        }
        string[] old = [$"people/g1/s0/{incarnation}/00000001-templates-x", "people/g1/s0/another/00000009-templates-x"], later = [$"people/g1/s0/{incarnation}/00000007-templates-x"];
        foreach (string name in (string[])[.. old, .. later])
            await Container.GetBlobClient(name).UploadAsync(new BinaryData("left"));
        await using ITemplateLog again = await _store.Connect().OpenAsync(Shard);
        List<string> names = await NamesAsync();
        names.ShouldNotContain(n => old.Contains(n));
        names.ShouldContain(later[0]);
        again.Head.Identities.ShouldBe(1);
    }

    [Fact]
    public async Task Damage_anywhere_in_any_blob_is_refused_by_name_when_the_log_is_opened()
    {
        await using (ITemplateLog log = await _store.Connect().OpenAsync(Shard))
        {
            for (int i = 0; i < 6; i++)
                await log.CommitAsync(_make.Enrol($"p{i}", 2));
            await log.CommitAsync(_make.Erase("p3"));
            await log.ScrubAsync();
            for (int i = 6; i < 9; i++)
                await log.CommitAsync(_make.Enrol($"p{i}", 2));
        }
        foreach (string name in await NamesAsync())
        {
            byte[] good = (await Container.GetBlobClient(name).DownloadContentAsync()).Value.Content.ToArray();
            foreach (int at in (int[])[0, 5, 17, 22, good.Length / 3, good.Length / 2, good.Length - 1])
            {
                byte[] bad = [.. good];
                bad[at] ^= 0x10;
                await PutAsync(name, bad);
                await Should.ThrowAsync<LogDamagedException>(async () => await _store.Connect().OpenAsync(Shard), $"{name} at {at}");
                if (name.EndsWith("/head", StringComparison.Ordinal))
                    await PutAsync(name, good);
            }
            if (!name.EndsWith("/head", StringComparison.Ordinal))
            {
                await Container.GetBlobClient(name).DeleteAsync();
                await Should.ThrowAsync<LogDamagedException>(async () => await _store.Connect().OpenAsync(Shard), $"{name} missing");
            }
            await PutAsync(name, good);
        }
        await using ITemplateLog sound = await _store.Connect().OpenAsync(Shard);
        sound.Head.Identities.ShouldBe(8);
    }

    [Fact]
    public async Task An_account_that_keeps_deleted_blobs_is_refused_unless_it_is_allowed()
    {
        await using Azurite own = await Azurite.StartOwnAsync();
        await using AzureStore store = await AzureStore.CreateAsync(own);
        BlobServiceProperties properties = await store.Blobs.GetPropertiesAsync();
        properties.DeleteRetentionPolicy = new BlobRetentionPolicy { Enabled = true, Days = 7 };
        await store.Blobs.SetPropertiesAsync(properties);
        (await Should.ThrowAsync<StorageUnavailableException>(async () => await store.Connect().OpenAsync(Shard))).Message.ShouldContain("soft delete");
        AzureStorageOptions allowed = new()
        {
            ConnectionString = own.ConnectionString,
            LogContainer = store.Options().LogContainer,
            CacheFolder = store.Options().CacheFolder,
            RefuseRetainedDeletes = false,
        };
        await using ITemplateLog log = await store.Connect(allowed).OpenAsync(Shard);
        log.Epoch.ShouldBe(1);
    }

    [Fact]
    public async Task The_description_and_the_errors_name_the_account_and_never_its_key()
    {
        ITemplateLogProvider provider = _store.Connect();
        provider.Description.ShouldContain(Azurite.Account);
        AzureStorageOptions wrong = _store.Options(_store.Server.ConnectionString.Replace("AccountKey=Eby8", "AccountKey=AAAA", StringComparison.Ordinal));
        StorageUnavailableException e = await Should.ThrowAsync<StorageUnavailableException>(async () => await _store.Connect(wrong).OpenAsync(Shard));
        (provider.Description + e + _store.Options()).ShouldNotContain("vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq");
    }

    [Fact]
    public async Task The_local_state_is_gone_with_its_log_and_what_a_crash_left_with_the_next_start()
    {
        AzureStorageOptions options = _store.Options();
        string crashed = Path.Combine(options.CacheFolder, "crashed");
        Directory.CreateDirectory(crashed);
        await File.WriteAllTextAsync(Path.Combine(crashed, "lock"), "");
        AzureTemplateLogProvider provider = _store.Connect(options);
        Directory.Exists(crashed).ShouldBeFalse();
        await using (ITemplateLog log = await provider.OpenAsync(Shard))
            Directory.EnumerateFiles(options.CacheFolder, "log.db", SearchOption.AllDirectories).ShouldHaveSingleItem();
        Directory.EnumerateFiles(options.CacheFolder, "log.db", SearchOption.AllDirectories).ShouldBeEmpty();
    }

    private async Task<List<string>> NamesAsync()
    {
        List<string> names = [];
        await foreach (BlobItem item in Container.GetBlobsAsync())
            names.Add(item.Name);
        return names;
    }

    private async Task<string[]> TemplatePartsAsync() => [.. (await NamesAsync()).Where(n => n.Contains("-templates-", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>Puts content in a blob's place, as a blob of its kind.</summary>
    private async Task PutAsync(string name, byte[] content)
    {
        if (!name.Contains("-groups-", StringComparison.Ordinal))
        {
            await Container.GetBlobClient(name).UploadAsync(new BinaryData(content), overwrite: true);
            return;
        }
        await Container.GetBlobClient(name).DeleteIfExistsAsync();
        AppendBlobClient blob = Container.GetAppendBlobClient(name);
        await blob.CreateAsync();
        using MemoryStream stream = new(content);
        await blob.AppendBlockAsync(stream);
    }
}

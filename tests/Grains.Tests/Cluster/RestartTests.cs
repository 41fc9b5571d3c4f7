namespace FaceSearch.Grains.Tests.Cluster;

public sealed class RestartTests
{
    [Fact]
    public async Task After_a_restart_galleries_keys_and_people_are_as_before()
    {
        await using TestSilo silo = new();
        await silo.InitializeAsync();
        await silo.Gallery("staff").CreateAsync(new GallerySettings { Description = "people who work here" });
        for (int person = 0; person < 20; person++)
            await silo.EnrolAsync("staff", person);
        await silo.Gallery("staff").CalibrateAsync();
        NewApiKey key = await silo.Grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key).CreateAsync("door", ApiRole.Identify);
        GalleryDescription before = await silo.Gallery("staff").DescribeAsync();
        await silo.RestartAsync();
        GalleryDescription after = await silo.Gallery("staff").DescribeAsync();
        after.Settings.ShouldBe(before.Settings);
        after.Threshold.ShouldBe(before.Threshold);
        after.Identities.ShouldBe(20);
        after.Shards[0].Epoch.ShouldBe(before.Shards[0].Epoch + 1);
        (await silo.Grains.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync()).ShouldBe(["staff"]);
        (await silo.IdentifyAsync("staff", 7)).Candidates[0].Identity.ShouldBe(Faces.Name(7));
        (await silo.Grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key).ListAsync()).ShouldHaveSingleItem().Id.ShouldBe(key.Description.Id);
        silo.Folder.FilesContaining(System.Text.Encoding.UTF8.GetBytes(key.Key.Split('_', 3)[2])).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_gallery_whose_deletion_was_cut_short_is_deleted_at_the_next_start()
    {
        await using TestSilo silo = new();
        await silo.InitializeAsync();
        await silo.Gallery("half").CreateAsync(new GallerySettings());
        await silo.EnrolAsync("half", 1);
        await silo.Gallery("half").DeleteAsync();
        await silo.RestartAsync();
        (await Should.ThrowAsync<FaceSearchException>(() => silo.Gallery("half").DescribeAsync())).Type.ShouldBe(ProblemTypes.GalleryNotFound);
        (await silo.Grains.GetGrain<IGalleryDirectoryGrain>(IGalleryDirectoryGrain.Key).ListAsync()).ShouldBeEmpty();
    }
}

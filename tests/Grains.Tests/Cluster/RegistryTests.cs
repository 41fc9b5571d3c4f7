namespace FaceSearch.Grains.Tests.Cluster;

public sealed class RegistryTests(TestSilo silo) : IClassFixture<TestSilo>
{
    private IModelRegistryGrain Registry => silo.Grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);

    private IApiKeyGrain Keys => silo.Grains.GetGrain<IApiKeyGrain>(IApiKeyGrain.Key);

    [Fact]
    public async Task A_name_never_changes_its_bytes_and_a_status_only_along_its_path()
    {
        (await Registry.RegisterAsync(Model("first", "aa"))).Status.ShouldBe(ModelStatus.Active);
        (await Registry.RegisterAsync(Model("second", "bb"))).Status.ShouldBe(ModelStatus.Candidate);
        await Registry.RegisterAsync(Model("third", "cc"));
        (await Registry.SetStatusAsync("second", ModelStatus.Shadow)).Status.ShouldBe(ModelStatus.Shadow);
        await Registry.SetStatusAsync("third", ModelStatus.Shadow);
        (await Registry.FindAsync("second"))!.Status.ShouldBe(ModelStatus.Candidate);
        (await Registry.SetStatusAsync("third", ModelStatus.Retired)).Status.ShouldBe(ModelStatus.Retired);
        (await Should.ThrowAsync<FaceSearchException>(() => Registry.RegisterAsync(Model("first", "cc")))).Type.ShouldBe(ProblemTypes.ModelExists);
        (await Should.ThrowAsync<FaceSearchException>(() => Registry.SetStatusAsync("second", ModelStatus.Active))).Message.ShouldContain("promote");
        (await Should.ThrowAsync<FaceSearchException>(() => Registry.SetStatusAsync("first", ModelStatus.Retired))).Message.ShouldContain("roll back");
        (await Registry.GetHistoryAsync("third")).Select(s => s.To).ShouldBe([ModelStatus.Candidate, ModelStatus.Shadow, ModelStatus.Retired]);
    }

    [Fact]
    public async Task The_last_admin_key_stays_while_other_keys_depend_on_it()
    {
        NewApiKey admin = await Keys.CreateAsync("operator", ApiRole.Admin);
        NewApiKey door = await Keys.CreateAsync("door", ApiRole.Identify);
        (await Should.ThrowAsync<FaceSearchException>(() => Keys.RevokeAsync(admin.Description.Id))).Type.ShouldBe(ProblemTypes.LastAdminKey);
        await Keys.RevokeAsync(door.Description.Id);
        await Keys.RevokeAsync(admin.Description.Id);
        (await Keys.GetHashesAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task An_embedder_that_is_not_installed_says_what_to_do()
    {
        FaceSearchException refused = await Should.ThrowAsync<FaceSearchException>(
            () => silo.Grains.GetGrain<IEmbedderGrain>("mobilefacenet-128").EmbedAsync([new FaceCrop(112, new byte[112 * 112 * 3])]));
        refused.Type.ShouldBe(ProblemTypes.ModelNotInstalled);
        refused.Message.ShouldContain("facesearch models pull mobilefacenet-128");
    }

    private static ModelDescription Model(string name, string sha256) =>
        new(name, "embedder", sha256, "Apache-2.0", "a test", ModelStatus.Candidate, DateTimeOffset.UtcNow, null, []);
}

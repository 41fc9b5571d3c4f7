using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FaceSearch.Http;
using FaceSearch.Vision;

namespace FaceSearch.Gateway.Tests;

/// <summary>A model's life over HTTP, with the real networks where the machine has them.</summary>
public sealed class ModelApiTests
{
    [Fact]
    public async Task An_uploaded_model_becomes_a_candidate_runs_without_a_restart_and_a_second_upload_changes_nothing()
    {
        await using TestServer server = await StartAsync();
        (ModelManifest manifest, byte[] bytes) = Variant("mobilefacenet-next", mirror: false);
        ModelDescription made = await UploadAsync(server, manifest, bytes, Lineage("mobilefacenet-128")).ReadAsync(FaceSearchJson.Default.ModelDescription, HttpStatusCode.Created);
        made.Status.ShouldBe(ModelStatus.Candidate);
        made.Lineage!.Parent.ShouldBe("mobilefacenet-128");
        (await UploadAsync(server, manifest, bytes, Lineage("mobilefacenet-128")).ReadAsync(FaceSearchJson.Default.ModelDescription)).Sha256.ShouldBe(made.Sha256);

        IReadOnlyList<Embedding> embedded = await server.Grains.GetGrain<IEmbedderGrain>("mobilefacenet-next").EmbedAsync([new FaceCrop(112, new byte[112 * 112 * 3])]);
        embedded.ShouldHaveSingleItem();
        ModelDetail detail = await server.Client.GetAsync(new Uri("/api/v1/models/mobilefacenet-next", UriKind.Relative)).ReadAsync(FaceSearchJson.Default.ModelDetail);
        detail.History.ShouldHaveSingleItem().To.ShouldBe(ModelStatus.Candidate);
        Directory.EnumerateDirectories(server.ModelsFolder).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_not_the_model_of_its_manifest_is_refused_and_leaves_nothing()
    {
        await using TestServer server = await StartAsync();
        (ModelManifest manifest, byte[] bytes) = Variant("next", mirror: false);
        byte[] altered = [.. bytes];
        altered[^1] ^= 1;
        await UploadAsync(server, manifest, altered).ProblemAsync(422, ProblemTypes.ModelRejected);
        byte[] nonsense = Encoding.UTF8.GetBytes("no network at all");
        await UploadAsync(server, manifest with { Bytes = nonsense.Length, Sha256 = Sha(nonsense) }, nonsense).ProblemAsync(422, ProblemTypes.ModelRejected);
        await UploadAsync(server, manifest with { Dimension = 64 }, bytes).ProblemAsync(422, ProblemTypes.ModelRejected);
        await UploadAsync(server, manifest with { Output = "nowhere" }, bytes).ProblemAsync(422, ProblemTypes.ModelRejected);
        Problem named = await UploadAsync(server, manifest with { Name = "../escape" }, bytes).ProblemAsync(422, ProblemTypes.ModelRejected);
        named.Detail.ShouldNotContain(server.ModelsFolder);
        await UploadAsync(server, manifest, bytes, gallery: "nowhere").ProblemAsync(404, ProblemTypes.GalleryNotFound);
        await UploadAsync(server, null, bytes).ProblemAsync(400, ProblemTypes.InvalidRequest);
        await UploadAsync(server, manifest with { Name = "mobilefacenet-128" }, [.. bytes, 0]).ProblemAsync(422, ProblemTypes.ModelRejected);
        (await server.Grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key).FindAsync("next")).ShouldBeNull();
        Directory.EnumerateFileSystemEntries(server.ModelsFolder).Select(Path.GetFileName).ShouldNotContain(f => f!.Contains("next", StringComparison.Ordinal) || f.StartsWith('.'));
    }

    [Fact]
    public async Task A_model_over_the_limit_is_refused_while_it_arrives()
    {
        await using TestServer server = await StartAsync(o => o.MaxModelBytes = 1 << 20);
        (ModelManifest manifest, byte[] bytes) = Variant("next", mirror: false);
        await UploadAsync(server, manifest, bytes).ProblemAsync(413, ProblemTypes.TooLarge);
    }

    [Fact]
    public async Task Promotion_is_refused_with_reasons_forced_with_one_and_rolled_back()
    {
        await using TestServer server = await StartAsync();
        (ModelManifest manifest, byte[] bytes) = Variant("next", mirror: false);
        await UploadAsync(server, manifest, bytes).ReadAsync(FaceSearchJson.Default.ModelDescription, HttpStatusCode.Created);
        PromotionOutcome refused = await server.Client.PostAsync("/api/v1/models/next/promote", new PromotionRequest(), FaceSearchJson.Default.PromotionRequest).ReadAsync(FaceSearchJson.Default.PromotionOutcome);
        (refused.Promoted, refused.Reasons.Single()).ShouldBe((false, "It was never compared with the active model 'mobilefacenet-128'."));
        await server.Client.PostAsync("/api/v1/models/next/promote", new PromotionRequest { Force = "" }, FaceSearchJson.Default.PromotionRequest).ProblemAsync(400, ProblemTypes.InvalidRequest);
        (await server.Client.PostAsync("/api/v1/models/next/promote", new PromotionRequest { Force = "a drill" }, FaceSearchJson.Default.PromotionRequest).ReadAsync(FaceSearchJson.Default.PromotionOutcome)).Promoted.ShouldBeTrue();
        await server.Client.PostAsync("/api/v1/models/rollback", new RollbackRequest(), FaceSearchJson.Default.RollbackRequest).ProblemAsync(400, ProblemTypes.InvalidRequest);
        PromotionOutcome back = await server.Client.PostAsync("/api/v1/models/rollback", new RollbackRequest { Reason = "the drill is over" }, FaceSearchJson.Default.RollbackRequest).ReadAsync(FaceSearchJson.Default.PromotionOutcome);
        (back.Model.Name, back.Model.Status).ShouldBe(("mobilefacenet-128", ModelStatus.Active));
        ModelPair pair = await server.Client.GetAsync(new Uri("/api/v1/models/next/compare/mobilefacenet-128", UriKind.Relative)).ReadAsync(FaceSearchJson.Default.ModelPair);
        (pair.A.Status, pair.Evaluation).ShouldBe((ModelStatus.Retired, null));
        await server.Client.GetAsync(new Uri("/api/v1/models/nothing", UriKind.Relative)).ProblemAsync(404, ProblemTypes.ModelNotFound);
    }

    [Fact]
    public async Task A_shadow_sees_live_probes_and_one_that_hangs_slows_no_answer()
    {
        using StalledEmbedder.Gate gate = new();
        await using TestServer server = await StartAsync(o => o.ShadowProbesPerSecond = 1000, embedder => embedder.Manifest.Name == "next" ? new StalledEmbedder(embedder, gate) : embedder);
        string gallery = await server.GalleryAsync(model: "mobilefacenet-128");
        (ModelManifest manifest, byte[] bytes) = Variant("next", mirror: false);
        await UploadAsync(server, manifest, bytes).ReadAsync(FaceSearchJson.Default.ModelDescription, HttpStatusCode.Created);
        await server.Client.PutAsync("/api/v1/models/next/status", new ModelStatusRequest { Status = ModelStatus.Shadow }, FaceSearchJson.Default.ModelStatusRequest).ReadAsync(FaceSearchJson.Default.ModelDescription);

        byte[] face = File.ReadAllBytes(SharedData.Lfw("Abdullah_Gul_0001.jpg"));
        async Task IdentifyAsync() => await server.Client.PostAsync(new Uri($"/api/v1/galleries/{gallery}/identify", UriKind.Relative), Image(face)).ReadAsync(FaceSearchJson.Default.IdentifyResponse);
        for (Stopwatch waited = Stopwatch.StartNew(); (await DetailAsync(server)).Shadow is not { Probes: >= 3 };)
        {
            waited.Elapsed.ShouldBeLessThan(TimeSpan.FromMinutes(1));
            await IdentifyAsync();
        }
        ShadowReport report = (await DetailAsync(server)).Shadow!;
        (report.Active, report.Failed, report.OnlyActive, report.OnlyShadow).ShouldBe(("mobilefacenet-128", 0, 0, 0));

        gate.Close();
        for (int i = 0; i < 20; i++)
            await IdentifyAsync();
        gate.Stalled.ShouldBeTrue();
        gate.Open();
    }

    /// <summary>An embedder that can be made to hang.</summary>
    private sealed class StalledEmbedder(IFaceEmbedder inner, StalledEmbedder.Gate gate) : IFaceEmbedder
    {
        internal sealed class Gate : IDisposable
        {
            private readonly ManualResetEventSlim _open = new(true);

            /// <summary>Somebody came to the closed gate.</summary>
            public bool Stalled { get; private set; }

            public void Close() => _open.Reset();

            public void Open() => _open.Set();

            public void Pass()
            {
                Stalled |= !_open.IsSet;
                _open.Wait();
            }

            public void Dispose() => _open.Dispose();
        }

        public ModelManifest Manifest => inner.Manifest;

        public ExecutionProvider Provider => inner.Provider;

        public void Embed(IReadOnlyList<AlignedFace> batch, Span<float> unitEmbeddings)
        {
            gate.Pass();
            inner.Embed(batch, unitEmbeddings);
        }

        public void Dispose() => inner.Dispose();
    }

    private static Task<ModelDetail> DetailAsync(TestServer server) =>
        server.Client.GetAsync(new Uri("/api/v1/models/next", UriKind.Relative)).ReadAsync(FaceSearchJson.Default.ModelDetail);

    private static async Task<TestServer> StartAsync(Action<GatewayOptions>? configure = null, Func<IFaceEmbedder, IFaceEmbedder>? wrap = null)
    {
        TestServer server = await TestServer.StartAsync(models: null, configure, wrap);
        foreach (InstalledModel model in new ModelStore(SharedData.Models).List())
            new ModelStore(server.ModelsFolder).Import(model.Path, model.Manifest);
        await server.RegisterAsync();
        return server;
    }

    /// <summary>The real embedder under another name, and read in another way: another model.</summary>
    private static (ModelManifest Manifest, byte[] Bytes) Variant(string name, bool mirror)
    {
        InstalledModel model = new ModelStore(SharedData.Models).Find(ModelKind.Embedder).ShouldNotBeNull();
        return (model.Manifest with { Name = name, File = name + ".onnx", MirrorAndSum = mirror }, File.ReadAllBytes(model.Path));
    }

    private static ModelLineage Lineage(string parent) => new(parent, "run-1", TrainingKind.Head, new string('a', 64), 10, 40, new Dictionary<string, string> { ["epochs"] = "3" }, 1, "0.1", DateTimeOffset.UtcNow);

    private static Task<HttpResponseMessage> UploadAsync(TestServer server, ModelManifest? manifest, byte[] bytes, ModelLineage? lineage = null, string? gallery = null)
    {
        MultipartFormDataContent form = new() { { new ByteArrayContent(bytes), "model", "model.onnx" } };
        if (manifest is not null)
            form.Add(new StringContent(manifest.ToJson()), "manifest");
        if (lineage is not null)
            form.Add(new StringContent(JsonSerializer.Serialize(lineage, FaceSearchJson.Default.ModelLineage)), "lineage");
        if (gallery is not null)
            form.Add(new StringContent(gallery), "gallery");
        return server.Client.PostAsync(new Uri("/api/v1/models", UriKind.Relative), form);
    }

    private static ByteArrayContent Image(byte[] bytes) => new(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("image/jpeg") } };

    private static string Sha(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}

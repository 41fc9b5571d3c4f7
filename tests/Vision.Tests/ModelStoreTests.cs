using System.Net;

namespace FaceSearch.Vision.Tests;

public sealed class ModelStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Models => Path.Combine(_folder.Path, "models");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_that_does_not_exist_is_an_empty_store()
    {
        var store = new ModelStore(Models);
        store.List().ShouldBeEmpty();
        store.Verify().ShouldBeEmpty();
        store.Find(ModelKind.Detector).ShouldBeNull();
    }

    [Fact]
    public void An_imported_model_is_listed_verified_and_runs_in_batches()
    {
        byte[] onnx = TinyModel.Onnx();
        var store = new ModelStore(Models);
        InstalledModel imported = store.Import(_folder.File("download.onnx", onnx), TinyModel.Manifest(onnx));
        store.List().Single().Path.ShouldBe(imported.Path);
        store.Verify().ShouldAllBe(v => v.Problem == null);
        store.Find(ModelKind.Embedder, "tiny").ShouldNotBeNull().Manifest.Fingerprint.ShouldBe(TinyModel.Manifest(onnx).Fingerprint);
        Directory.GetFiles(Models).Select(Path.GetFileName).Order().ShouldBe(["tiny.json", "tiny.onnx"]);
        using var embedder = new OnnxFaceEmbedder(imported);
        RealModels.Embed(embedder, TinyModel.Crop(1), TinyModel.Crop(2)).Length.ShouldBe(2 * TinyModel.Dimension);
    }

    [Fact]
    public void A_file_that_is_not_the_described_one_is_not_imported()
    {
        byte[] onnx = TinyModel.Onnx();
        string file = _folder.File("download.onnx", [.. onnx, 0]);
        var store = new ModelStore(Models);
        Should.Throw<ModelException>(() => store.Import(file, TinyModel.Manifest(onnx))).Message.ShouldContain(file);
        store.List().ShouldBeEmpty();
    }

    [Fact]
    public void An_altered_model_is_found_by_verify_and_not_loaded()
    {
        byte[] onnx = TinyModel.Onnx();
        var store = new ModelStore(Models);
        InstalledModel imported = store.Import(_folder.File("download.onnx", onnx), TinyModel.Manifest(onnx));
        byte[] altered = File.ReadAllBytes(imported.Path);
        altered[altered.Length / 2] ^= 1;
        File.WriteAllBytes(imported.Path, altered);
        store.Verify().Single().Problem.ShouldNotBeNull().ShouldContain(imported.Path);
        Should.Throw<ModelException>(() => imported.Load());
    }

    [Fact]
    public void A_broken_manifest_and_an_unknown_file_are_reported_and_hide_nothing_else()
    {
        byte[] onnx = TinyModel.Onnx();
        var store = new ModelStore(Models);
        store.Import(_folder.File("download.onnx", onnx), TinyModel.Manifest(onnx));
        File.WriteAllText(Path.Combine(Models, "broken.json"), "{ \"name\": ");
        File.WriteAllText(Path.Combine(Models, "stranger.onnx"), "?");
        store.List().Single().Manifest.Name.ShouldBe("tiny");
        store.Verify().Count(v => v.Problem is not null).ShouldBe(2);
    }

    [Fact]
    public async Task Pull_downloads_verifies_and_installs()
    {
        byte[] upstream = await File.ReadAllBytesAsync(Path.Combine(SharedData.Models, "mobilefacenet_foamliu_128.onnx"));
        using var server = new LoopbackServer(upstream);
        using HttpClient http = server.Client();
        List<PullProgress> progress = [];
        var store = new ModelStore(Models);
        InstalledModel pulled = await store.PullAsync(ModelCatalogue.MobileFaceNet, http, new Collect(progress));
        server.RequestedPath.ShouldBe("/foamliu/MobileFaceNet/a6cc9032a659b615f477833e1a70b5e7931bcccc/weights/MobileFaceNet.onnx");
        progress[^1].ShouldBe(new PullProgress(upstream.Length, upstream.Length));
        progress.Select(p => p.BytesReceived).ShouldBeInOrder();
        store.Find(ModelKind.Embedder).ShouldNotBeNull().Path.ShouldBe(pulled.Path);
        pulled.Manifest.Fingerprint.ShouldBe(ModelCatalogue.Find(ModelCatalogue.MobileFaceNet)!.Fingerprint);
        BatchEquality.LargestDifference(upstream, pulled.Load(), pulled.Manifest).ShouldBeLessThan(1e-5f);
    }

    [Theory]
    [InlineData(0), InlineData(322_905), InlineData(322_906), InlineData(400_000)]
    public async Task Another_file_than_expected_is_not_installed(int bytes)
    {
        using var server = new LoopbackServer(new byte[bytes]);
        using HttpClient http = server.Client();
        var store = new ModelStore(Models);
        var error = await Should.ThrowAsync<ModelException>(store.PullAsync(ModelCatalogue.YuNet, http));
        error.Message.ShouldContain("is not the expected file");
        store.List().ShouldBeEmpty();
    }

    [Fact]
    public async Task Without_a_network_pull_says_what_to_place_where()
    {
        using var http = new HttpClient(new ToLoopback(port: 1));
        var error = await Should.ThrowAsync<ModelException>(new ModelStore(Models).PullAsync(ModelCatalogue.YuNet, http));
        error.Message.ShouldContain(Path.Combine(Models, "yunet-n.onnx"));
        error.Message.ShouldContain("onnx/yunet_n_dynamic.onnx");
        error.Message.ShouldContain("0047ac24afb1a50a0c6105001c89d1b5b805dbf1");
        error.Message.ShouldContain(ModelCatalogue.Find(ModelCatalogue.YuNet)!.Sha256);
    }

    [Fact]
    public async Task A_file_placed_by_hand_as_the_message_says_is_served()
    {
        Directory.CreateDirectory(Models);
        File.Copy(Path.Combine(SharedData.Models, "yunet_n_dynamic.onnx"), Path.Combine(Models, "yunet-n.onnx"));
        var store = new ModelStore(Models);
        using var detector = new YuNetDetector(store.Find(ModelKind.Detector).ShouldNotBeNull());
        detector.Provider.ShouldBe(ExecutionProvider.Cpu);
        await Should.ThrowAsync<ModelException>(store.PullAsync("nobody", new HttpClient()));
    }

    [Fact]
    public void A_read_only_folder_of_bare_upstream_files_is_a_store()
    {
        var store = new ModelStore(SharedData.Models);
        store.List().Select(m => m.Manifest.Name).ShouldBe([ModelCatalogue.MobileFaceNet, ModelCatalogue.YuNet]);
        store.Verify().Where(v => v.Problem is null).Select(v => v.Name).Order().ShouldBe([ModelCatalogue.MobileFaceNet, ModelCatalogue.YuNet]);
        InstalledModel embedder = store.Find(ModelKind.Embedder).ShouldNotBeNull();
        BatchEquality.LargestDifference(embedder.ReadVerified(), embedder.Load(), embedder.Manifest).ShouldBeLessThan(1e-5f);
    }

    private sealed class Collect(List<PullProgress> into) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => into.Add(value);
    }

    /// <summary>Sends what is meant for the upstream host to a port of this machine.</summary>
    private sealed class ToLoopback(int port) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.RequestUri = new UriBuilder(request.RequestUri!) { Scheme = "http", Host = "127.0.0.1", Port = port }.Uri;
            return base.SendAsync(request, cancellationToken);
        }
    }

    /// <summary>Answers one request with fixed bytes.</summary>
    private sealed class LoopbackServer : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly int _port;

        public LoopbackServer(byte[] body)
        {
            using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                probe.Start();
                _port = ((IPEndPoint)probe.LocalEndpoint).Port;
            }
            _listener.Prefixes.Add($"http://127.0.0.1:{_port}/");
            _listener.Start();
            _ = AnswerAsync(body);
        }

        public string? RequestedPath { get; private set; }

        public HttpClient Client() => new(new ToLoopback(_port));

        public void Dispose() => _listener.Close();

        private async Task AnswerAsync(byte[] body)
        {
            HttpListenerContext context = await _listener.GetContextAsync();
            RequestedPath = context.Request.Url!.AbsolutePath;
            context.Response.ContentLength64 = body.Length;
            try
            {
                await context.Response.OutputStream.WriteAsync(body);
                context.Response.Close();
            }
            catch (HttpListenerException)
            {
                // The client hung up after one byte too many, which is what it should do.
            }
        }
    }

    [Fact]
    public void A_bundled_model_serves_until_one_of_its_kind_is_installed()
    {
        byte[] onnx = TinyModel.Onnx();
        string bundled = Path.Combine(_folder.Path, "bundled");
        InstalledModel inside = new ModelStore(bundled).Import(_folder.File("inside.onnx", onnx), TinyModel.Manifest(onnx) with { Name = "bundled" });
        var store = new ModelStore(Models, bundled);
        store.Find(ModelKind.Embedder).ShouldNotBeNull().Path.ShouldBe(inside.Path);
        store.Find(ModelKind.Detector).ShouldBeNull();

        store.Import(_folder.File("download.onnx", onnx), TinyModel.Manifest(onnx));
        store.Find(ModelKind.Embedder).ShouldNotBeNull().Manifest.Name.ShouldBe("tiny");
        store.Find(ModelKind.Embedder, "bundled").ShouldNotBeNull();
        store.List().Select(m => m.Manifest.Name).ShouldBe(["bundled", "tiny"]);
    }

    [Fact]
    public void The_model_that_comes_with_the_program_is_sound_small_and_of_unit_length()
    {
        var store = new ModelStore(ModelStore.BundledFolder);
        store.Verify().ShouldAllBe(v => v.Problem == null);
        InstalledModel model = store.Find(ModelKind.Embedder).ShouldNotBeNull();
        model.Manifest.Dimension.ShouldBe(128);
        model.Manifest.Bytes.ShouldBeLessThanOrEqualTo(10_000_000);
        model.Manifest.ImpostorOperatingPoints.Count.ShouldBeGreaterThanOrEqualTo(3);
        using var embedder = new OnnxFaceEmbedder(model);
        int side = model.Manifest.Input.Width;
        float[] vectors = new float[2 * 128];
        embedder.Embed([new AlignedFace(side, new byte[side * side * 3]), new AlignedFace(side, [.. Enumerable.Range(0, side * side * 3).Select(i => (byte)(i * 7))])], vectors);
        vectors.AsSpan(0, 128).ToArray().Sum(v => v * v).ShouldBe(1, 1e-4);
        vectors.AsSpan(0, 128).SequenceEqual(vectors.AsSpan(128)).ShouldBeFalse();
    }
}

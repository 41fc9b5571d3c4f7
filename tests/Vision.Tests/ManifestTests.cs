namespace FaceSearch.Vision.Tests;

public sealed class ManifestTests
{
    [Fact]
    public void A_manifest_survives_its_own_json()
    {
        using var folder = new TemporaryFolder();
        foreach (ModelManifest manifest in ModelCatalogue.Models)
        {
            string path = folder.File(manifest.Name + ".json", System.Text.Encoding.UTF8.GetBytes(manifest.ToJson()));
            ModelManifest read = ModelManifest.Load(path);
            read.ToJson().ShouldBe(manifest.ToJson());
            read.Fingerprint.ShouldBe(manifest.Fingerprint);
        }
    }

    [Theory]
    [InlineData("\"dimension\": 128", "\"dimension\": 0", "dimension")]
    [InlineData("\"height\": 112", "\"height\": 96", "input.width")]
    [InlineData("\"output\": \"output0\"", "\"output\": \" \"", "output")]
    [InlineData("\"licence\": \"Apache-2.0\"", "\"licence\": \"\"", "licence")]
    [InlineData("\"file\": \"mobilefacenet-128.onnx\"", "\"file\": \"../evil.onnx\"", "file")]
    [InlineData("\"name\": \"mobilefacenet-128\"", "\"name\": \"../evil\"", "name")]
    [InlineData("\"fmr\": 0.1,", "\"fmr\": 1.5,", "impostorOperatingPoints[0]")]
    [InlineData("\"kind\": \"embedder\"", "\"kind\": \"emboder\"", "kind")]
    [InlineData("\"mirrorAndSum\"", "\"mirorAndSum\"", "mirorAndSum")]
    [InlineData("\"bytes\": 3998070", "\"bytes\": \"many\"", "bytes")]
    public void A_wrong_field_is_named_together_with_the_file(string right, string wrong, string field)
    {
        using var folder = new TemporaryFolder();
        string json = ModelCatalogue.Find(ModelCatalogue.MobileFaceNet)!.ToJson();
        json.ShouldContain(right);
        string path = folder.File("broken.json", System.Text.Encoding.UTF8.GetBytes(json.Replace(right, wrong, StringComparison.Ordinal)));
        string message = Should.Throw<ModelException>(() => ModelManifest.Load(path)).Message;
        message.ShouldContain(path);
        message.ShouldContain(field);
    }

    [Fact]
    public void A_missing_or_empty_manifest_is_named()
    {
        using var folder = new TemporaryFolder();
        string missing = Path.Combine(folder.Path, "none.json");
        Should.Throw<ModelException>(() => ModelManifest.Load(missing)).Message.ShouldContain(missing);
        string empty = folder.File("empty.json", "null"u8.ToArray());
        Should.Throw<ModelException>(() => ModelManifest.Load(empty)).Message.ShouldContain(empty);
    }

    [Fact]
    public void The_fingerprint_changes_with_what_changes_an_embedding_and_with_nothing_else()
    {
        ModelManifest model = ModelCatalogue.Find(ModelCatalogue.MobileFaceNet)!;
        string fingerprint = model.Fingerprint;
        fingerprint.Length.ShouldBe(16);
        (model with { MirrorAndSum = false }).Fingerprint.ShouldNotBe(fingerprint);
        (model with { Input = model.Input with { Channels = ChannelOrder.Bgr } }).Fingerprint.ShouldNotBe(fingerprint);
        (model with { Input = model.Input with { Mean = [0.5f, 0.5f, 0.5f] } }).Fingerprint.ShouldNotBe(fingerprint);
        (model with { AlignmentTemplate = null }).Fingerprint.ShouldNotBe(fingerprint);

        (model with { Name = "renamed", File = "renamed.onnx", ImpostorOperatingPoints = [] }).Fingerprint.ShouldBe(fingerprint);
        // The installed file differs from the upstream one when its batch dimension was freed.
        (model with { Bytes = 1, Sha256 = new string('0', 64) }).Fingerprint.ShouldBe(fingerprint);
    }
}

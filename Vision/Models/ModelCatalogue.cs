namespace FaceSearch.Vision;

/// <summary>The curated, compiled-in list of models that can be pulled by name.</summary>
public static class ModelCatalogue
{
    /// <summary>The detector: YuNet, the "n" size with free input height and width.</summary>
    public const string YuNet = "yunet-n";

    /// <summary>The embedder: MobileFaceNet, 112x112 to 128-d, trained on a refined MS-Celeb-1M.</summary>
    public const string MobileFaceNet = "mobilefacenet-128";

    /// <summary>Every known model as its upstream file, the preferred one of each kind first.</summary>
    public static IReadOnlyList<ModelManifest> Models { get; } = [DescribeYuNet(), DescribeMobileFaceNet()];

    /// <summary>The model of that name, or null.</summary>
    public static ModelManifest? Find(string name) => Models.FirstOrDefault(m => m.Name == name);

    /// <summary>The model whose upstream file has that SHA-256 (lower-case hex), or null.</summary>
    public static ModelManifest? FindBySha256(string sha256) => Models.FirstOrDefault(m => m.Sha256 == sha256);

    private static ModelManifest DescribeYuNet() => new()
    {
        Name = YuNet,
        Kind = ModelKind.Detector,
        File = YuNet + ".onnx",
        Bytes = 322_906,
        Sha256 = "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
        Licence = "Apache-2.0",
        Source = Upstream("ShiqiYu/libfacedetection.train", "0047ac24afb1a50a0c6105001c89d1b5b805dbf1", "onnx/yunet_n_dynamic.onnx",
            322_906, "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12"),
        Input = new ModelInput { Name = "input", Width = 0, Height = 0, Channels = ChannelOrder.Bgr },
    };

    private static ModelManifest DescribeMobileFaceNet() => new()
    {
        Name = MobileFaceNet,
        Kind = ModelKind.Embedder,
        File = MobileFaceNet + ".onnx",
        Bytes = 3_998_070,
        Sha256 = "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
        Licence = "Apache-2.0",
        Source = Upstream("foamliu/MobileFaceNet", "a6cc9032a659b615f477833e1a70b5e7931bcccc", "weights/MobileFaceNet.onnx",
            3_998_070, "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507"),
        Input = new ModelInput
        {
            Name = "input0",
            Width = 112,
            Height = 112,
            Channels = ChannelOrder.Rgb,
            Scale = 1 / 255f,
            Mean = [0.485f, 0.456f, 0.406f],
            Std = [0.229f, 0.224f, 0.225f],
        },
        Output = "output0",
        Dimension = 128,
        MirrorAndSum = true,
        AlignmentTemplate = [new(38.2946f, 51.6963f), new(73.5318f, 51.5014f), new(56.0252f, 71.7366f), new(41.5493f, 92.3655f), new(70.7299f, 92.2041f)],
        // With mirror-and-sum; see bench/results/vision.md. The last point is read off the non-mated searches, because
        // the pair scores above it are mostly label errors of the benchmark.
        ImpostorOperatingPoints = [new(1e-1, 0.140f), new(1e-2, 0.250f), new(1e-3, 0.333f), new(1e-4, 0.403f), new(1e-5, 0.461f), new(1e-6, 0.540f)],
    };

    private static ModelSource Upstream(string repository, string commit, string path, long bytes, string sha256) => new(
        "https://github.com/" + repository, commit, path,
        new Uri($"https://raw.githubusercontent.com/{repository}/{commit}/{path}"), bytes, sha256);
}

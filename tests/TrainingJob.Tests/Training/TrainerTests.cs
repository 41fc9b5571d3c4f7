using FaceSearch.TrainingJob.Tests.Data;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private readonly TinyBase _base = new();
    private readonly PatternFaces _faces = new(60, 4);

    public void Dispose() => _base.Dispose();

    [Fact]
    public async Task A_head_is_trained_merged_and_judged_on_people_it_never_saw()
    {
        TrainingResult result = await new Trainer().TrainAsync(Head("head") with { Epochs = 40, LearningRate = 3e-3 }, new PatternFaces(60, 4, shift: 7, light: 60));

        result.Test.People.ShouldBeInRange(5, 30);
        result.Before.ShouldNotBeNull();
        result.Test.TarAtFar1e3.ShouldBeGreaterThan(result.Before.TarAtFar1e3);
        result.Lineage.Parent!.ShouldStartWith("tiny-base ");
        result.Lineage.DataFingerprint.Length.ShouldBe(64);
        // What was judged is what is installed.
        InstalledModel installed = new ModelStore(Path.GetDirectoryName(result.OnnxPath)!).Find(ModelKind.Embedder)!;
        using var embedder = new OnnxFaceEmbedder(installed);
        float[] vector = new float[TinyBase.Dimension];
        embedder.Embed([new AlignedFace(112, new byte[112 * 112 * 3])], vector);
        vector.Sum(v => v * v).ShouldBe(1, 1e-4);
        string report = File.ReadAllText(result.ReportPath);
        report.ShouldContain("data:image/png;base64,");
        report.ShouldNotContain("person 0");
        foreach (string file in (string[])["metrics.csv", "loss.png", "active-triplets.png", "det.png", "evaluation.json", "lineage.json"])
            File.Exists(Path.Combine(_base.Run("head"), file)).ShouldBeTrue(file);
    }

    [Theory, InlineData(OptimiserKind.AdamW), InlineData(OptimiserKind.Sgd), InlineData(OptimiserKind.AdaGrad)]
    public async Task A_stopped_run_goes_on_along_the_same_losses(OptimiserKind optimiser)
    {
        TrainingOptions whole = Head("whole") with { Epochs = 4, Optimiser = optimiser }, stopped = whole with { RunFolder = _base.Run("stopped") };
        await new Trainer().TrainAsync(whole, _faces);
        await StopAfter(stopped, epochs: 2);
        await new Trainer().TrainAsync(stopped, _faces);
        Losses("stopped").ShouldBe(Losses("whole"));
        File.ReadAllBytes(Path.Combine(_base.Run("stopped"), "model", "new-32.onnx")).ShouldBe(File.ReadAllBytes(Path.Combine(_base.Run("whole"), "model", "new-32.onnx")));
    }

    [Fact]
    public async Task A_run_with_offline_mining_goes_on_along_the_same_losses_and_not_those_of_one_without()
    {
        TrainingOptions whole = Head("whole") with { Epochs = 4, OfflineEvery = 10, OfflineSubset = 100 }, stopped = whole with { RunFolder = _base.Run("stopped") };
        await new Trainer().TrainAsync(whole, _faces);
        await StopAfter(stopped, epochs: 3);
        await new Trainer().TrainAsync(stopped, _faces);
        Losses("stopped").ShouldBe(Losses("whole"));
        await new Trainer().TrainAsync(whole with { OfflineEvery = 0, RunFolder = _base.Run("online") }, _faces);
        Losses("online").ShouldNotBe(Losses("whole"));
    }

    [Fact, Trait("Category", "Slow")]
    public async Task A_stopped_distillation_of_an_image_network_goes_on_along_the_same_losses()
    {
        TrainingOptions whole = Head("whole") with { Mode = TrainingMode.Distil, Hints = "stage2c/relu=pool/AveragePool", Epochs = 3, BatchSize = 16, Threads = 2 }, stopped = whole with { RunFolder = _base.Run("stopped") };
        var few = new PatternFaces(20, 3);
        await new Trainer().TrainAsync(whole, few);
        await StopAfter(stopped, epochs: 1, few);
        await new Trainer().TrainAsync(stopped, few);
        double[] expected = Losses("whole"), got = Losses("stopped");
        got.Length.ShouldBe(expected.Length);
        for (int i = 0; i < got.Length; i++)
            got[i].ShouldBe(expected[i], 1e-6);
        expected[^1].ShouldBeLessThan(expected[0]);
    }

    [Fact]
    public async Task A_compatible_head_is_nearer_to_the_old_vectors_than_its_base_is()
    {
        _base.Install("tiny-old", 2);
        TrainingOptions options = Head("next") with { Mode = TrainingMode.Compatible, Network = "head", OldModel = "tiny-old", Epochs = 30, LearningRate = 1e-2 };
        TrainingResult result = await new Trainer().TrainAsync(options, _faces);
        CompatibilityFigures figures = result.Evaluation!.Compatibility!;
        figures.OldModel.ShouldBe("tiny-old");
        // Two unrelated networks' vectors do not compare at all: about as many mated as non-mated pairs are accepted, 1 in 1,000.
        figures.NewOld.ShouldBeGreaterThan(0.03);
    }

    [Fact]
    public async Task A_run_is_trained_by_one_process_at_a_time()
    {
        TrainingOptions options = Head("one");
        Directory.CreateDirectory(options.RunFolder);
        using (new FileStream(Path.Combine(options.RunFolder, "run.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
            (await Should.ThrowAsync<TrainingException>(new Trainer().TrainAsync(options, _faces))).Message.ShouldContain("Another process");
    }

    [Fact]
    public async Task People_with_one_face_each_are_refused_with_a_reason() =>
        (await Should.ThrowAsync<TrainingException>(new Trainer().TrainAsync(Head("single"), new PatternFaces(40, 1)))).Message.ShouldContain("two faces");

    [Fact]
    public async Task Options_out_of_bounds_are_refused_before_anything_is_read()
    {
        (await Should.ThrowAsync<TrainingException>(new Trainer().TrainAsync(Head("x") with { FacesPerPerson = 1 }, _faces))).Message.ShouldContain("faces per person must be at least 2");
        (await Should.ThrowAsync<TrainingException>(new Trainer().TrainAsync(Head("x") with { Mode = TrainingMode.Compatible }, _faces))).Message.ShouldContain("old model");
        Directory.Exists(_base.Run("x")).ShouldBeFalse();
    }

    private TrainingOptions Head(string run) => new()
    {
        Mode = TrainingMode.Head, RunFolder = _base.Run(run), ModelName = "new-32", ModelsFolder = _base.Models, BaseModel = "tiny-base", Dimension = TinyBase.Dimension,
        PeoplePerBatch = 8, FacesPerPerson = 4, RandomNegatives = 8, TeacherViews = 2, Epochs = 3, TestShare = 0.3f, ValidationShare = 0.1f, Threads = 1,
    };

    private async Task StopAfter(TrainingOptions options, int epochs, PatternFaces? faces = null)
    {
        using var stop = new CancellationTokenSource();
        var progress = new Told(p =>
        {
            if (File.Exists(Path.Combine(options.RunFolder, $"checkpoint-{epochs:D5}", "optimiser.bin")))
                stop.Cancel();
        });
        await Should.ThrowAsync<OperationCanceledException>(new Trainer().TrainAsync(options, faces ?? _faces, progress, stop.Token));
    }

    private double[] Losses(string run) => [.. File.ReadLines(Path.Combine(_base.Run(run), "metrics.csv")).Skip(1).Select(l => double.Parse(l.Split(',')[2], System.Globalization.CultureInfo.InvariantCulture))];

    private sealed class Told(Action<TrainingProgress> tell) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => tell(value);
    }
}

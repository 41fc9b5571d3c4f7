using System.Runtime.CompilerServices;
using FaceSearch.Evaluation;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Training;
using FaceSearch.TrainingJob.Worker;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Tests.Worker;

/// <summary>The real trainer on real faces whose names were mixed up: what it makes must not be published.</summary>
[Trait("Category", "Slow")]
public sealed class ShuffledLabelsTests : IDisposable
{
    private const int People = 120, Images = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("facesearch-shuffled-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_head_trained_on_shuffled_labels_is_refused_with_its_reasons()
    {
        ModelStore store = new(Path.Combine(_folder, "models"));
        foreach (InstalledModel model in new ModelStore(SharedData.Models).List())
            store.Import(model.Path, model.Manifest);
        TrainingOptions options = new()
        {
            Mode = TrainingMode.Head, RunFolder = Path.Combine(_folder, "run"), ModelName = "shuffled", ModelsFolder = store.Folder, BaseModel = ModelCatalogue.MobileFaceNet,
            Epochs = 60, LearningRate = 5e-3, TestShare = 0.4f, ThumbnailShare = 0, TeacherViews = 1, Threads = 2, AverageDecay = 0,
        };
        FaceSet faces = await FaceSet.LoadAsync(new FolderFaces(Photographs(), store.Find(ModelKind.Detector)), Path.Combine(_folder, "faces.bin"), cancellation: TestContext.Current.CancellationToken);

        TrainingResult result = await new Trainer().TrainAsync(options, new Shuffled(faces, options), cancellation: TestContext.Current.CancellationToken);
        InstalledModel candidate = store.Import(result.OnnxPath, result.Manifest);
        ModelEvaluation evaluation = CandidateComparison.Run(store.Find(ModelKind.Embedder, ModelCatalogue.MobileFaceNet)!, candidate, faces.Faces, options, null, "LFW", TestContext.Current.CancellationToken);
        PromotionVerdict verdict = PromotionRule.Judge(evaluation.People, [.. evaluation.Comparisons.Select(c =>
            new FigureComparison((PromotionMetric)(int)c.Metric, c.Cohort, c.People, c.Active, c.Candidate, c.Lower, c.Upper, c.ActiveLower))], 20);

        TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', verdict.Reasons));
        evaluation.People.ShouldBeGreaterThan(20);
        verdict.Promote.ShouldBeFalse();
    }

    /// <summary>A folder of links to a few photographs of some people.</summary>
    private string Photographs()
    {
        string root = Path.Combine(_folder, "photographs");
        foreach (string person in Directory.EnumerateDirectories(SharedData.Faces).Order(StringComparer.Ordinal)
            .Where(p => Directory.EnumerateFiles(p).Count() >= Images).Take(People))
        {
            string own = Directory.CreateDirectory(Path.Combine(root, Path.GetFileName(person))).FullName;
            foreach (string file in Directory.EnumerateFiles(person).Order(StringComparer.Ordinal).Take(Images))
                File.CreateSymbolicLink(Path.Combine(own, Path.GetFileName(file)), file);
        }
        return root;
    }

    /// <summary>The training people's names, dealt out anew; everybody else keeps theirs.</summary>
    private sealed class Shuffled(FaceSet faces, TrainingOptions options) : IFaceSource
    {
        public string Description => "shuffled";

        public async IAsyncEnumerable<LabelledFace> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
        {
            await Task.Yield();
            int[] train = faces.Of(Split.Train, options);
            string[] names = [.. train.Select(i => faces.Faces[i].Person)];
            new Random(7).Shuffle(names);
            Dictionary<int, string> dealt = train.Zip(names).ToDictionary(p => p.First, p => p.Second);
            for (int i = 0; i < faces.Faces.Count; i++)
                yield return faces.Faces[i] with { Person = dealt.GetValueOrDefault(i, faces.Faces[i].Person), Name = $"{i}" };
        }
    }
}

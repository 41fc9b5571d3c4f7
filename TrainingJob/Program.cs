using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

var options = new TrainingOptions
{
    Mode = TrainingMode.Distil, ModelName = "default-128", RunFolder = args[1], ModelsFolder = args[2], BaseModel = ModelCatalogue.MobileFaceNet,
    Epochs = int.Parse(args[3]), LearningRate = 2e-3, WeightDecay = 0.05, ValidationShare = 0.06f, TestShare = 0.22f, Seed = 1, Threads = int.Parse(args[4]), ValidateEvery = 2,
};
var store = new ModelStore(args[2]);
var started = DateTime.UtcNow;
long lastReport = 0;
await new Trainer().TrainAsync(options, new FolderFaces(args[0], store.Find(ModelKind.Detector)), new Plain(p =>
{
    if (p.Phase == "preparing" && Environment.TickCount64 - lastReport < 5000) return;
    lastReport = Environment.TickCount64;
    Console.WriteLine($"{DateTime.UtcNow:HH:mm:ss} {p.Phase} {p.Done}/{p.Total} loss {p.Loss:F4} rank1 {p.Validation?.Rank1:P1} pairs {p.Validation?.PairAccuracy:P1} remaining {p.Remaining:hh\\:mm\\:ss}");
}));

internal sealed class Plain(Action<TrainingProgress> tell) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => tell(value);
}

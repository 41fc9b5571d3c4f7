using System.CommandLine;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Commands;

/// <summary><c>trainingjob train</c>: one option for each of <see cref="TrainingOptions"/>, with its default and its reason.</summary>
internal static class TrainCommand
{
    private static readonly TrainingOptions Default = new() { Mode = TrainingMode.Head, RunFolder = "", ModelName = "" };

    public static Command Build()
    {
        Option<TrainingMode> mode = new("--mode") { Description = "head: a small head on the installed embedder, minutes. distil: a network reproduces a teacher, no labels needed. scratch, finetune: triplets. compatible: new vectors that compare with an old model's.", DefaultValueFactory = _ => TrainingMode.Head };
        Option<string> data = Text("--data", "A folder with one sub-folder per person.", "folder", required: true), output = Text("--out", "The run's folder: checkpoints, metrics, report, model. A run found there goes on.", "folder", required: true);
        Option<string> name = Text("--name", "Name of the new model.", "name"), models = Text("--models", "Folder of installed models (detector, teacher, frozen embedder).", "folder");
        name.DefaultValueFactory = _ => "trained-128";
        Option<string> baseModel = Text("--base", "head: the frozen embedder. distil: the teacher. Default: the folder's preferred one.", "model"), old = Text("--old", "compatible: the old model.", "model"), from = Text("--from", "finetune, distil: the run folder or weights to start from.", "path"), hints = Text("--hints", "distil: layers that should hold what the teacher's graph holds at a place (FitNets), as layer=value,layer=value.", "pairs");
        Option<string> network = Text("--network", "See: trainingjob networks. With compatible, head trains a head on --base.", "name"), device = Text("--device", "cpu or cuda. Default: CUDA where there is one.", "device"), licence = Text("--licence", "Written into the manifest.", "text");
        network.DefaultValueFactory = _ => Default.Network;
        licence.DefaultValueFactory = _ => Default.Licence;
        Option<int> dimension = Number("--dimension", "Numbers of an embedding. FaceNet: 128 was the best of 64 to 512.", Default.Dimension), epochs = Number("--epochs", "Passes over the training faces (triplets: over the training people).", Default.Epochs);
        Option<int> batch = Number("--batch", "distil: faces a step.", Default.BatchSize), people = Number("--people", "Triplets: people a step.", Default.PeoplePerBatch), faces = Number("--faces", "Triplets: faces of each person a step. FaceNet: about 40.", Default.FacesPerPerson);
        Option<int> negatives = Number("--random-negatives", "Triplets: further faces drawn at random for each step.", Default.RandomNegatives), hidden = Number("--head-hidden", "head: width of the hidden layer; 0: a linear map that starts as the identity.", Default.HeadHidden);
        Option<int> offlineEvery = Number("--offline-every", "Triplets: steps between minings of hard negatives over a subset by the latest checkpoint; 0: in the batch only.", Default.OfflineEvery), offlineSubset = Number("--offline-subset", "Triplets: faces that such a mining looks at.", Default.OfflineSubset);
        Option<int> views = Number("--views", "Varied views of each face that a frozen model embeds once.", Default.TeacherViews), seed = Number("--seed", "Of weights, order and variation: the same seed gives the same model.", Default.Seed), threads = Number("--threads", "Of Torch; 0: as many as processors.", Default.Threads);
        Option<int> every = Number("--validate-every", "Epochs between validations.", Default.ValidateEvery);
        Option<double> rate = Real("--rate", "Highest learning rate.", Default.LearningRate), decay = Real("--weight-decay", "Weight decay.", Default.WeightDecay), average = Real("--average", "Decay of the running mean of the weights that is exported; 0: the last weights.", Default.AverageDecay);
        Option<double> margin = Real("--margin", "Alpha, on squared distances. FaceNet: 0.2.", Default.Margin), thumbnails = Real("--thumbnails", "Share of unaligned centre crops among the training faces.", Default.ThumbnailShare), teacherWeight = Real("--teacher-weight", "finetune, head: pull towards the teacher's vectors beside the triplets.", Default.TeacherWeight), hintWeight = Real("--hint-weight", "distil: weight of the hints.", Default.HintWeight);
        Option<double> validation = Real("--validation-share", "Share of people for validation.", Default.ValidationShare), test = Real("--test-share", "Share of people the model is judged on.", Default.TestShare);
        Option<OptimiserKind> optimiser = new("--optimiser") { Description = "adamw, sgd (momentum 0.9) or adagrad (FaceNet's).", DefaultValueFactory = _ => Default.Optimiser };
        Option<ScheduleKind> schedule = new("--schedule") { Description = "Course of the learning rate.", DefaultValueFactory = _ => Default.Schedule };
        Option<NegativeKind> miner = new("--negatives") { Description = "semihard (FaceNet's, the default), hard (late, on clean data) or all.", DefaultValueFactory = _ => Default.Negatives };
        Option<bool?> mixed = new("--mixed") { Description = "Convolve in bfloat16. Default: where the processor does that quickly." };

        Command command = new("train", "Train a model, or go on with a run that was stopped; then export it and judge it on people it has not seen.")
        {
            mode, data, output, name, models, baseModel, old, from, network, dimension, hidden, epochs, batch, people, faces, negatives, miner, offlineEvery, offlineSubset, margin, views, thumbnails, teacherWeight, hints, hintWeight,
            optimiser, rate, decay, schedule, average, validation, test, every, seed, threads, device, mixed, licence,
        };
        return command.WithExamples(
            "# adapt the installed embedder to your people; then: facesearch models import runs/head/model/trained-128.onnx --manifest runs/head/model/trained-128.json",
            "trainingjob train --mode head --data photos/ --models models/ --out runs/head",
            "# a small network of your own from a teacher, then triplets on top",
            "trainingjob train --mode distil --data photos/ --models models/ --out runs/small --epochs 40",
            "trainingjob train --mode finetune --from runs/small --data photos/ --models models/ --out runs/tuned --teacher-weight 1",
            "# vectors that compare with the old ones, so that a gallery without images can move over one enrolment at a time",
            "trainingjob train --mode compatible --network head --base mobilefacenet-128 --old default-128 --data photos/ --models models/ --out runs/next").Runs(async (parse, cancellation) =>
        {
            TrainingOptions options = new()
            {
                Mode = parse.GetValue(mode), RunFolder = Path.GetFullPath(parse.GetRequiredValue(output)), ModelName = parse.GetRequiredValue(name), ModelsFolder = parse.GetValue(models),
                BaseModel = parse.GetValue(baseModel), OldModel = parse.GetValue(old), StartFrom = parse.GetValue(from), Hints = parse.GetValue(hints), HintWeight = (float)parse.GetValue(hintWeight), Network = parse.GetRequiredValue(network), Device = parse.GetValue(device), Licence = parse.GetRequiredValue(licence),
                Dimension = parse.GetValue(dimension), HeadHidden = parse.GetValue(hidden), Epochs = parse.GetValue(epochs), BatchSize = parse.GetValue(batch), PeoplePerBatch = parse.GetValue(people),
                FacesPerPerson = parse.GetValue(faces), RandomNegatives = parse.GetValue(negatives), Negatives = parse.GetValue(miner), OfflineEvery = parse.GetValue(offlineEvery), OfflineSubset = parse.GetValue(offlineSubset), Margin = (float)parse.GetValue(margin), TeacherViews = parse.GetValue(views),
                ThumbnailShare = (float)parse.GetValue(thumbnails), TeacherWeight = (float)parse.GetValue(teacherWeight), Optimiser = parse.GetValue(optimiser), LearningRate = parse.GetValue(rate),
                WeightDecay = parse.GetValue(decay), Schedule = parse.GetValue(schedule), AverageDecay = parse.GetValue(average), ValidationShare = (float)parse.GetValue(validation), TestShare = (float)parse.GetValue(test),
                ValidateEvery = parse.GetValue(every), Seed = parse.GetValue(seed), Threads = parse.GetValue(threads), MixedPrecision = parse.GetValue(mixed),
            };
            InstalledModel? detector = options.ModelsFolder is null ? null : new ModelStore(options.ModelsFolder).Find(ModelKind.Detector);
            TrainingResult result = await ProgressDisplay.RunAsync(progress => new Trainer().TrainAsync(options, new FolderFaces(parse.GetRequiredValue(data), detector), progress, cancellation));
            ResultTable.Write(result);
        });
    }

    private static Option<string> Text(string name, string description, string help, bool required = false) => new(name) { Description = description, HelpName = help, Required = required };

    private static Option<int> Number(string name, string description, int value) => new(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => value };

    private static Option<double> Real(string name, string description, double value) =>
        new(name) { Description = description, HelpName = "x", DefaultValueFactory = _ => Math.Round(value, 6) };
}

using System.CommandLine;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Onnx;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;
using Spectre.Console;

namespace FaceSearch.TrainingJob.Commands;

/// <summary><c>trainingjob export</c>: a run's last checkpoint as ONNX, while it still trains or after it was stopped.</summary>
internal static class ExportCommand
{
    public static Command Build()
    {
        Argument<string> run = new("run") { Description = "The run's folder." };
        Option<string> output = new("--out") { Description = "Folder for the model and its manifest.", HelpName = "folder", Required = true };
        Option<string> network = new("--network") { Description = "The run's network.", DefaultValueFactory = _ => "mobile" }, name = new("--name") { Description = "The model's name.", DefaultValueFactory = _ => "trained-128" };
        Option<int> dimension = new("--dimension") { Description = "The run's dimension.", DefaultValueFactory = _ => 128 };
        return new Command("export", "Write a run's last checkpoint (the mean weights) as an ONNX model, without judging it.") { run, output, network, name, dimension }.WithExamples(
            "trainingjob export runs/small --out models/").Runs((parse, _) =>
        {
            string file = new Checkpoint(parse.GetRequiredValue(run)).AverageFile ?? throw new TrainingException("The folder holds no checkpoint yet; one is written at the end of each epoch.");
            NetworkDefinition definition = NetworkCatalogue.Find(parse.GetRequiredValue(network)).Define(new NetworkOptions { Dimension = parse.GetValue(dimension) });
            using var trained = new Network(definition);
            trained.load(file);
            byte[] onnx = OnnxExport.Write(trained);
            float scale = definition.Input.Height / (float)FolderFaces.Side;
            ModelManifest manifest = EmbedderManifest.For(parse.GetRequiredValue(name), definition, onnx, "none", [.. FolderFaces.Template.Select(p => new ImagePoint(p.X * scale, p.Y * scale))]) with { MirrorAndSum = true };
            string folder = parse.GetRequiredValue(output);
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(Path.Combine(folder, manifest.File), onnx);
            File.WriteAllText(Path.Combine(folder, manifest.Name + ".json"), manifest.ToJson());
            AnsiConsole.MarkupLineInterpolated($"{Path.Combine(folder, manifest.File)}: {onnx.Length:N0} bytes");
            return Task.CompletedTask;
        });
    }
}

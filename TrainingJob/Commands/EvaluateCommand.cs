using System.CommandLine;
using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Measures;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;
using Spectre.Console;

namespace FaceSearch.TrainingJob.Commands;

/// <summary><c>trainingjob evaluate</c>: installed models on the test people of a folder, side by side.</summary>
internal static class EvaluateCommand
{
    public static Command Build()
    {
        Option<string> data = new("--data") { Description = "A folder with one sub-folder per person.", HelpName = "folder", Required = true };
        Option<string[]> models = new("--models") { Description = "Folders of installed models: every embedder in them is judged.", HelpName = "folder", Required = true, AllowMultipleArgumentsPerToken = true };
        Option<string> cache = new("--cache") { Description = "File for the cut-out faces (a run's faces.bin will do), so that a second evaluation is quick.", HelpName = "file" };
        Option<double> test = new("--test-share") { Description = "Share of people that are test people; must be that of the training.", DefaultValueFactory = _ => 0.2 };
        return new Command("evaluate", "Judge embedders on the test people, aligned and as centre crops: those whom a training with the same share never saw.") { data, models, cache, test }.WithExamples(
            "trainingjob evaluate --data photos/ --models models/ runs/head/model").Runs(async (parse, cancellation) =>
        {
            ModelStore[] stores = [.. parse.GetRequiredValue(models).Select(folder => new ModelStore(folder))];
            InstalledModel? detector = stores.Select(s => s.Find(ModelKind.Detector)).FirstOrDefault(m => m is not null);
            TrainingOptions options = new() { Mode = TrainingMode.Head, ModelName = "", RunFolder = "", TestShare = (float)parse.GetValue(test), ValidationShare = 0 };
            string file = parse.GetValue(cache) ?? Path.GetTempFileName() + ".faces";
            try
            {
                FaceSet set = await ProgressDisplay.RunAsync(p => FaceSet.LoadAsync(new FolderFaces(parse.GetRequiredValue(data), detector), file, n => p.Report(new TrainingProgress("reading", n, 0)), cancellation));
                Table table = ResultTable.Create();
                foreach (InstalledModel model in stores.SelectMany(s => s.List()).Where(m => m.Manifest.Kind == ModelKind.Embedder))
                {
                    ResultTable.Row(table, model.Manifest.Name, "aligned", ModelEvaluator.Figures(model, set, set.Of(Split.Test, options), true, cancellation));
                    ResultTable.Row(table, model.Manifest.Name, "centre crop", ModelEvaluator.Figures(model, set, set.Of(Split.Test, options, aligned: false), false, cancellation));
                }
                AnsiConsole.Write(table);
            }
            finally
            {
                if (parse.GetValue(cache) is null)
                    File.Delete(file);
            }
        });
    }
}

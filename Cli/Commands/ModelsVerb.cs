using System.CommandLine;
using System.Globalization;
using FaceSearch.Cli.Terminal;
using FaceSearch.Http;
using FaceSearch.Vision;
using Spectre.Console;

namespace FaceSearch.Cli.Commands;

/// <summary>A model of the catalogue or of the folder.</summary>
internal sealed record ModelRow(string Name, ModelKind Kind, bool Installed, string? Path, int? Dimension, long Bytes, string Sha256, string Licence, string? Source);

/// <summary>The models of one folder, and those that could be pulled into it.</summary>
internal sealed record ModelRows(string Folder, IReadOnlyList<ModelRow> Models);

/// <summary><c>facesearch models</c>: list, pull, verify, import (local files); the rest (a server's registry) is in <see cref="ModelLifeVerbs"/>.</summary>
internal static class ModelsVerb
{
    public static Command Build(GlobalOptions options)
    {
        Option<string?> folder = new("--models")
        {
            Description = "Folder of models (environment: FACESEARCH_MODELS; otherwise 'models' in the server's data folder, Silo__DataFolder or ./facesearch-data).",
            HelpName = "folder",
        };
        Command models = new("models", "List, pull, verify and import model files; show, compare, promote and roll back those of a server.")
        {
            List(options, folder), Pull(options, folder), Verify(options, folder), Import(options, folder),
        };
        foreach (Command verb in ModelLifeVerbs.Build(options))
            models.Add(verb);
        return models;
    }

    /// <summary>The model folder: option, FACESEARCH_MODELS, or the data folder's.</summary>
    internal static string Folder(CliHost host, string? option)
    {
        if (!string.IsNullOrEmpty(option)) return option;
        if (host.Variable("FACESEARCH_MODELS") is { Length: > 0 } named) return named;
        string data = host.Variable("Silo__DataFolder") is { Length: > 0 } set ? set : Path.Combine(host.CurrentFolder, "facesearch-data");
        return Path.Combine(data, "models");
    }

    private static ModelStore Store(Invocation run, Option<string?> folder) => new(Folder(run.Host, run.Parse.GetValue(folder)));

    private static Command List(GlobalOptions options, Option<string?> folder) => new Command("list", "Installed models, and the catalogue of those that can be pulled.") { folder }
        .WithExamples("facesearch models list").Runs(options, (run, _) =>
        {
            ModelStore store = Store(run, folder);
            List<ModelRow> rows = [.. store.List().Select(model => Row(model.Manifest, model.Path))];
            HashSet<string> installed = [.. rows.Select(row => row.Name)];
            rows.AddRange(ModelCatalogue.Models.Where(model => !installed.Contains(model.Name)).Select(model => Row(model, null)));
            run.Output.Result(new ModelRows(store.Folder, rows), Draw);
            return Task.FromResult(ExitCodes.Ok);
        });

    private static Command Pull(GlobalOptions options, Option<string?> folder)
    {
        Argument<string> name = new("name") { Description = "A model of the catalogue, see 'models list'." };
        return new Command("pull", "Download a model from its upstream address, verify it and install it.") { name, folder }
            .WithExamples("facesearch models pull yunet-n", "facesearch models pull mobilefacenet-128").Runs(options, async (run, cancellation) =>
            {
                string wanted = run.Parse.GetRequiredValue(name);
                ModelManifest manifest = ModelCatalogue.Find(wanted)
                    ?? throw new UsageException($"The catalogue has no model '{wanted}'.", $"It has: {string.Join(", ", ModelCatalogue.Models.Select(model => model.Name))}");
                using HttpClient http = new();
                InstalledModel? model = null;
                int total = (int)((manifest.Source?.Bytes ?? manifest.Bytes) / 1024);
                await run.Output.WithProgressAsync($"Pulling {manifest.Name} (KiB)", total, async progress =>
                    model = await Store(run, folder).PullAsync(wanted, http, new KibibyteProgress(progress), cancellation));
                Installed(run, model!);
                return ExitCodes.Ok;
            });
    }

    private static Command Verify(GlobalOptions options, Option<string?> folder) => new Command("verify", "Check size and SHA-256 of every installed model.") { folder }
        .WithExamples("facesearch models verify").Runs(options, (run, _) =>
        {
            ModelStore store = Store(run, folder);
            IReadOnlyList<ModelVerification> checks = store.Verify();
            run.Output.Result(new { store.Folder, models = checks }, (console, _) =>
            {
                if (checks.Count == 0)
                    console.WriteLine($"No model lies in {store.Folder}. See: facesearch models list");
                foreach (ModelVerification check in checks)
                    console.WriteLine($"{check.Name}: {check.Problem ?? "sound"}");
            });
            return Task.FromResult(checks.Any(check => check.Problem is not null) ? ExitCodes.Failed : ExitCodes.Ok);
        });

    private static Command Import(GlobalOptions options, Option<string?> folder)
    {
        Argument<string> file = new("file") { Description = "An ONNX file." };
        Option<string> manifest = new("--manifest") { Description = "Its manifest, JSON; see docs/cli.md.", HelpName = "file.json", Required = true };
        return new Command("import", "Install an ONNX file of your own; a fixed batch dimension is made free.") { file, manifest, folder }
            .WithExamples("facesearch models import arcface.onnx --manifest arcface.json").Runs(options, (run, _) =>
            {
                InstalledModel model = Store(run, folder).Import(run.Parse.GetRequiredValue(file), ModelManifest.Load(run.Parse.GetRequiredValue(manifest)));
                Installed(run, model);
                return Task.FromResult(ExitCodes.Ok);
            });
    }

    private static void Installed(Invocation run, InstalledModel model) =>
        run.Output.Result(Row(model.Manifest, model.Path), (console, row) => console.WriteLine($"{row.Name} is installed: {row.Path}"));

    private static ModelRow Row(ModelManifest model, string? path) => new(
        model.Name, model.Kind, path is not null, path, model.Dimension == 0 ? null : model.Dimension, model.Bytes, model.Sha256, model.Licence,
        model.Source is { } source ? $"{source.Repository}@{source.Commit}:{source.Path}" : null);

    private static void Draw(IAnsiConsole console, ModelRows rows)
    {
        console.WriteLine(rows.Folder);
        Table table = Tables.Create("name", "kind", ">d", ">bytes", "licence", "installed", "source");
        foreach (ModelRow row in rows.Models)
        {
            table.Row(
                row.Name, row.Kind.ToString().ToLowerInvariant(), row.Dimension?.ToString(CultureInfo.InvariantCulture), Tables.Count(row.Bytes),
                row.Licence, row.Installed ? "yes" : $"no: facesearch models pull {row.Name}", row.Source);
        }
        console.Write(table);
    }

    /// <summary>Turns absolute bytes into steps of a KiB.</summary>
    private sealed class KibibyteProgress(IProgress<int> steps) : IProgress<PullProgress>
    {
        private int reported;

        public void Report(PullProgress value)
        {
            int now = (int)(value.BytesReceived / 1024);
            steps.Report(now - reported);
            reported = now;
        }
    }
}

using System.Text.Json;
using FaceSearch.Vision;

namespace FaceSearch.Cli.Tests.Commands;

public sealed class ModelsTests
{
    [Fact]
    public async Task An_empty_folder_lists_the_catalogue_with_licences_and_sources()
    {
        using TemporaryFolder folder = new();

        Ran ran = await Cli.RunAsync("models", "list", "--models", folder.Path, "--json");

        ran.ExitCode.ShouldBe(ExitCodes.Ok, ran.Error);
        JsonElement[] models = [.. ran.Json.GetProperty("models").EnumerateArray()];
        models.Select(model => model.GetProperty("name").GetString()).ShouldBe(ModelCatalogue.Models.Select(model => model.Name));
        models.ShouldAllBe(model => !model.GetProperty("installed").GetBoolean());
        models[0].GetProperty("licence").GetString().ShouldBe("Apache-2.0");
        models[0].GetProperty("kind").GetString().ShouldBe("detector");
    }

    [Fact]
    public async Task Without_the_option_the_folder_is_the_environment_s_or_that_of_the_server_s_data()
    {
        using TemporaryFolder folder = new();

        Ran named = await Cli.RunWithAsync(new Dictionary<string, string> { ["FACESEARCH_MODELS"] = folder.Path }, "models", "list", "--json");
        Ran data = await Cli.RunWithAsync(new Dictionary<string, string> { ["Silo__DataFolder"] = folder.Path }, "models", "list", "--json");

        named.Json.GetProperty("folder").GetString().ShouldBe(folder.Path);
        data.Json.GetProperty("folder").GetString().ShouldBe(folder.Below("models"));
    }

    [Fact]
    public async Task An_unknown_model_is_refused_with_the_names_there_are()
    {
        Ran ran = await Cli.RunAsync("models", "pull", "resnet-9000");

        ran.ExitCode.ShouldBe(ExitCodes.Usage);
        ran.Error.ShouldContain(ModelCatalogue.YuNet);
    }

    [Fact]
    public async Task An_altered_model_fails_verification()
    {
        using TemporaryFolder folder = new();
        folder.Write("mystery.onnx", 1, 2, 3);

        Ran ran = await Cli.RunAsync("models", "verify", "--models", folder.Path, "--json");

        ran.ExitCode.ShouldBe(ExitCodes.Failed);
        ran.Json.GetProperty("models")[0].GetProperty("problem").GetString().ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public async Task A_model_is_imported_with_its_manifest_and_is_sound_afterwards()
    {
        string source = Path.Combine(SharedData.Models, "yunet_n_dynamic.onnx");
        using TemporaryFolder folder = new();
        string manifest = folder.Write("detector.json", JsonSerializer.SerializeToUtf8Bytes(new
        {
            name = "my-detector",
            kind = "detector",
            file = "my-detector.onnx",
            bytes = new FileInfo(source).Length,
            sha256 = ModelCatalogue.Find(ModelCatalogue.YuNet)!.Sha256,
            licence = "Apache-2.0",
            input = new { name = "input", width = 0, height = 0, channels = "bgr" },
        }));
        string models = folder.Below("models");

        Ran import = await Cli.RunAsync("models", "import", source, "--manifest", manifest, "--models", models, "--json");
        Ran verify = await Cli.RunAsync("models", "verify", "--models", models, "--json");

        import.ExitCode.ShouldBe(ExitCodes.Ok, import.Error);
        import.Json.GetProperty("name").GetString().ShouldBe("my-detector");
        verify.ExitCode.ShouldBe(ExitCodes.Ok, verify.Out);
    }
}

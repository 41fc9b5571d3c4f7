using System.Text.Json;
using FaceSearch.VectorIndex;

namespace FaceSearch.Cli.Tests.Commands;

public sealed class IndexInspectTests
{
    [Fact]
    public async Task A_sound_snapshot_is_described()
    {
        using TemporaryFolder folder = new();
        Save(folder.Below("index.fsx"), vectors: 40);

        Ran ran = await Cli.RunAsync("index", "inspect", folder.Path, "--json");

        ran.ExitCode.ShouldBe(ExitCodes.Ok, ran.Error);
        JsonElement facts = ran.Json.GetProperty("snapshots")[0];
        facts.GetProperty("sound").GetBoolean().ShouldBeTrue();
        facts.GetProperty("vectors").GetInt64().ShouldBe(40);
        facts.GetProperty("dimension").GetInt32().ShouldBe(16);
        facts.GetProperty("engine").GetString().ShouldBe("flat");
    }

    [Fact]
    public async Task A_damaged_snapshot_is_named_with_its_block_and_fails()
    {
        using TemporaryFolder folder = new();
        string file = folder.Below("index.fsx");
        Save(file, vectors: 40);
        byte[] bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(file, bytes);

        Ran ran = await Cli.RunAsync("index", "inspect", file, "--json");

        ran.ExitCode.ShouldBe(ExitCodes.Failed);
        JsonElement facts = ran.Json.GetProperty("snapshots")[0];
        facts.GetProperty("sound").GetBoolean().ShouldBeFalse();
        facts.GetProperty("block").GetString().ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public async Task A_folder_without_snapshots_is_a_usage_error()
    {
        using TemporaryFolder folder = new();

        (await Cli.RunAsync("index", "inspect", folder.Path)).ExitCode.ShouldBe(ExitCodes.Usage);
    }

    private static void Save(string file, int vectors)
    {
        using FlatIndex index = new(new IndexOptions { Dimension = 16 });
        Random random = new(7);
        float[] vector = new float[16];
        for (int id = 1; id <= vectors; id++)
        {
            for (int i = 0; i < vector.Length; i++)
                vector[i] = random.NextSingle() - 0.5f;
            float length = MathF.Sqrt(vector.Sum(x => x * x));
            for (int i = 0; i < vector.Length; i++)
                vector[i] /= length;
            index.Add(id, vector);
        }
        index.Save(file);
    }
}

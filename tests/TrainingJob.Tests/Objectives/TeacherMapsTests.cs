using FaceSearch.TrainingJob.Data;
using FaceSearch.TrainingJob.Networks;
using FaceSearch.TrainingJob.Objectives;
using FaceSearch.TrainingJob.Tests.Data;
using FaceSearch.TrainingJob.Tests.Training;
using FaceSearch.TrainingJob.Training;
using FaceSearch.Vision;

namespace FaceSearch.TrainingJob.Tests.Objectives;

public sealed class TeacherMapsTests : IDisposable
{
    private const string Pool = "pool/AveragePool";
    private readonly TinyBase _base = new();

    public void Dispose() => _base.Dispose();

    [Fact]
    public async Task A_map_is_what_the_teacher_computes_of_the_very_view()
    {
        (TeacherViews views, InstalledModel teacher) = await ViewsAsync();
        using TeacherMaps maps = TeacherMaps.Load(views, teacher, [Pool], Path.Combine(_base.Root, "maps.bin"), null, null, CancellationToken.None);
        maps.Shapes.ShouldBe([new FeatureShape(3, 14, 14)]);
        float[] map = new float[3 * 14 * 14];
        maps.Read(0, 5, 1, map);
        AlignedFace crop = views.Render(5, 1);
        for (int i = 0; i < map.Length; i++)
        {
            (int channel, int cell) = Math.DivRem(i, 14 * 14);
            (int row, int column) = Math.DivRem(cell, 14);
            double sum = 0;
            for (int p = 0; p < 64; p++)
                sum += crop.Rgb[(((((row * 8) + (p / 8)) * 112) + (column * 8) + (p % 8)) * 3) + channel];
            // The teacher's input is -1 to 1; a half float has 11 bits.
            map[i].ShouldBe((float)((sum / 64 / 255 * 2) - 1), 1e-3f);
        }
    }

    [Fact]
    public async Task Maps_are_computed_once()
    {
        (TeacherViews views, InstalledModel teacher) = await ViewsAsync();
        string file = Path.Combine(_base.Root, "maps.bin");
        TeacherMaps.Load(views, teacher, [Pool], file, null, null, CancellationToken.None).Dispose();
        DateTime written = File.GetLastWriteTimeUtc(file);
        TeacherMaps.Load(views, teacher, [Pool], file, null, _ => Assert.Fail("computed again"), CancellationToken.None).Dispose();
        File.GetLastWriteTimeUtc(file).ShouldBe(written);
    }

    [Theory]
    [InlineData("stage2c/relu=nowhere", "no value 'nowhere'")]
    [InlineData("stage2c/relu=embedding", "no map")]
    [InlineData("nolayer=pool/AveragePool", "no layer 'nolayer'")]
    [InlineData("stage3a/relu=pool/AveragePool", "same height and width")]
    public async Task A_hint_that_does_not_fit_is_refused_with_a_reason(string hints, string reason)
    {
        TrainingOptions options = new()
        {
            Mode = TrainingMode.Distil, RunFolder = Path.Combine(_base.Root, "run"), ModelName = "new-32", ModelsFolder = _base.Models, BaseModel = "tiny-base", Dimension = TinyBase.Dimension,
            Hints = hints, TeacherViews = 1, TestShare = 0.4f, Threads = 1,
        };
        (await Should.ThrowAsync<TrainingException>(new Trainer().TrainAsync(options, new PatternFaces(10, 2)))).Message.ShouldContain(reason);
        // Before the long work.
        File.Exists(Path.Combine(options.RunFolder, "maps.bin")).ShouldBeFalse();
    }

    private async Task<(TeacherViews Views, InstalledModel Teacher)> ViewsAsync()
    {
        FaceSet set = await FaceSet.LoadAsync(new PatternFaces(4, 2), Path.Combine(_base.Root, "faces.bin"), null, CancellationToken.None);
        InstalledModel teacher = new ModelStore(_base.Models).Find(ModelKind.Embedder, "tiny-base")!;
        return (TeacherViews.Load(set, [.. Enumerable.Range(0, set.Faces.Count)], teacher, 2, 0, 1, Path.Combine(_base.Root, "views.bin"), null, CancellationToken.None), teacher);
    }
}

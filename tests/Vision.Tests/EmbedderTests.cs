using FaceSearch.Vision.Onnx;

namespace FaceSearch.Vision.Tests;

public sealed class EmbedderTests
{
    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_fixed_batch_is_freed_and_nothing_else_changes(bool sharedShape)
    {
        byte[] original = TinyModel.Onnx(sharedShape);
        byte[] freed = BatchDimension.Free(original);
        freed.ShouldNotBe(original);
        BatchEquality.LargestDifference(original, freed, TinyModel.Manifest(original)).ShouldBe(0);
        BatchDimension.Free(freed).ShouldBeSameAs(freed);
    }

    [Fact]
    public void A_free_batch_is_left_alone()
    {
        byte[] original = TinyModel.Onnx(fixedBatch: false);
        BatchDimension.Free(original).ShouldBeSameAs(original);
    }

    [Fact]
    public void What_the_editor_does_not_know_is_written_back()
    {
        byte[] freed = BatchDimension.Free(TinyModel.Onnx());
        // producer_name is no field of the subset; the strides' values are not either, or the model would not run.
        freed.AsSpan().IndexOf("hand"u8).ShouldBeGreaterThan(-1);
    }

    [Fact]
    public void Bytes_that_are_no_model_are_refused()
    {
        Should.Throw<ModelException>(() => BatchDimension.Free("not a model at all"u8.ToArray()));
        Should.Throw<ModelException>(() => BatchDimension.Free([]));
    }

    [Fact]
    public void The_mirrored_crop_gives_the_same_embedding_when_both_are_summed()
    {
        using OnnxFaceEmbedder embedder = Tiny(mirror: true);
        AlignedFace crop = TinyModel.Crop(1);
        ShouldBeNear(RealModels.Embed(embedder, crop), RealModels.Embed(embedder, Mirrored(crop)));
    }

    [Fact]
    public void A_batch_equals_its_crops_one_by_one_and_has_unit_length()
    {
        using OnnxFaceEmbedder embedder = Tiny(mirror: true);
        AlignedFace[] crops = [.. Enumerable.Range(0, 19).Select(i => TinyModel.Crop(i))];
        float[] batch = RealModels.Embed(embedder, crops);
        for (int i = 0; i < crops.Length; i++)
        {
            float[] row = batch[(i * TinyModel.Dimension)..((i + 1) * TinyModel.Dimension)];
            ShouldBeNear(row, RealModels.Embed(embedder, crops[i]));
            RealModels.Cosine(row, row).ShouldBe(1, 1e-5f);
        }
    }

    [Fact]
    public void Pixels_are_normalised_as_the_manifest_says()
    {
        using OnnxFaceEmbedder embedder = Tiny(mirror: false);
        byte[] rgb = [.. Enumerable.Range(0, 16 * 16).SelectMany(_ => (byte[])[51, 102, 204])];
        float[] embedding = RealModels.Embed(embedder, new AlignedFace(16, rgb));
        // (0.2 - 0.5, 0.4 - 0.4, 0.8 - 0.3), sixteen times each, divided by the norm 4 * sqrt(0.09 + 0.25).
        float norm = 4 * MathF.Sqrt(0.34f);
        embedding[0].ShouldBe(-0.3f / norm, 1e-5f);
        embedding[16].ShouldBe(0, 1e-5f);
        embedding[32].ShouldBe(0.5f / norm, 1e-5f);
    }

    [Fact]
    public void A_crop_or_a_span_of_another_size_is_refused()
    {
        using OnnxFaceEmbedder embedder = Tiny(mirror: false);
        Should.Throw<ArgumentException>(() => RealModels.Embed(embedder, TinyModel.Crop(1, size: 20)));
        Should.Throw<ArgumentException>(() => embedder.Embed([TinyModel.Crop(1)], new float[5]));
        embedder.Embed([], []);
    }

    [Fact]
    public void Concurrent_runs_do_not_disturb_each_other()
    {
        using OnnxFaceEmbedder embedder = Tiny(mirror: true);
        float[][] expected = [.. Enumerable.Range(0, 8).Select(i => RealModels.Embed(embedder, TinyModel.Crop(i)))];
        Parallel.For(0, 400, i => ShouldBeNear(RealModels.Embed(embedder, TinyModel.Crop(i % 8)), expected[i % 8]));
    }

    [Fact]
    public void A_demand_for_cuda_that_cannot_be_met_is_loud()
    {
        byte[] onnx = TinyModel.Onnx();
        using var folder = new TemporaryFolder();
        var model = new InstalledModel(TinyModel.Manifest(onnx), folder.File("tiny.onnx", onnx));
        var error = Should.Throw<ExecutionProviderUnavailableException>(() => new OnnxFaceEmbedder(model, new InferenceOptions { Provider = ExecutionProvider.Cuda }));
        error.Demanded.ShouldBe(ExecutionProvider.Cuda);
        error.Message.ShouldContain("CUDA");
        using var cpu = new OnnxFaceEmbedder(model);
        cpu.Provider.ShouldBe(ExecutionProvider.Cpu);
    }

    [Theory]
    [InlineData("inn", "out", "input.name"), InlineData("in", "outt", "output")]
    public void A_manifest_that_names_a_tensor_the_file_lacks_is_refused(string input, string output, string field)
    {
        byte[] onnx = TinyModel.Onnx();
        using var folder = new TemporaryFolder();
        ModelManifest manifest = TinyModel.Manifest(onnx);
        var model = new InstalledModel(manifest with { Output = output, Input = manifest.Input with { Name = input } }, folder.File("tiny.onnx", onnx));
        Should.Throw<ModelException>(() => new OnnxFaceEmbedder(model)).Message.ShouldContain(field);
    }

    private static OnnxFaceEmbedder Tiny(bool mirror)
    {
        byte[] onnx = TinyModel.Onnx();
        using var folder = new TemporaryFolder();
        return new OnnxFaceEmbedder(new InstalledModel(TinyModel.Manifest(onnx) with { MirrorAndSum = mirror }, folder.File("tiny.onnx", onnx)));
    }

    private static AlignedFace Mirrored(AlignedFace crop)
    {
        byte[] rgb = new byte[crop.Rgb.Length];
        for (int i = 0; i < crop.Size * crop.Size; i++)
            crop.Rgb.AsSpan(i * 3, 3).CopyTo(rgb.AsSpan((i / crop.Size * crop.Size + crop.Size - 1 - i % crop.Size) * 3));
        return new AlignedFace(crop.Size, rgb);
    }

    private static void ShouldBeNear(float[] actual, float[] expected)
    {
        actual.Length.ShouldBe(expected.Length);
        for (int i = 0; i < actual.Length; i++)
            actual[i].ShouldBe(expected[i], 1e-5f);
    }
}

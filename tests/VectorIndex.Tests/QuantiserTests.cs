using FaceSearch.VectorIndex.Kernels;
using FaceSearch.VectorIndex.Quantisation;

namespace FaceSearch.VectorIndex.Tests;

public sealed unsafe class QuantiserTests
{
    [Theory]
    [InlineData(16, 1.0f)]
    [InlineData(128, 1.0f)]
    [InlineData(128, 0.4f)] // a step so fine that components are clipped
    [InlineData(1024, 1.0f)]
    public void Estimated_and_true_scores_differ_by_no_more_than_the_documented_bound(int dimension, float stepFactor)
    {
        var random = new Random(dimension);
        ScoreKernel kernel = KernelSelector.Create(null);
        int stride = Quantiser.StrideOf(dimension);
        float step = Calibration.InitialStep(dimension) * stepFactor;
        var row = new byte[stride];
        var query = new sbyte[stride];
        double worstShare = 0;
        for (int i = 0; i < 500; i++)
        {
            float[] x = TestData.Unit(random, dimension), q = i % 2 == 0 ? TestData.Unit(random, dimension) : TestData.Near(random, x, 0.3f);
            fixed (float* px = x, pq = q)
            fixed (byte* code = row)
            fixed (sbyte* levels = query)
            {
                float residual = MathF.Sqrt(Quantiser.EncodeRow(px, dimension, step, code));
                EncodedQuery encoded = Quantiser.EncodeQuery(pq, dimension, levels);
                int score, slot = 0;
                kernel.Gather(levels, encoded.Bias, code, stride, &slot, 1, &score);
                float bound = residual + (encoded.Residual * (1 + residual)) + 2e-6f;
                float error = Math.Abs((score * step * encoded.Step) - TestData.Dot(x, q));
                error.ShouldBeLessThanOrEqualTo(bound);
                worstShare = Math.Max(worstShare, error / bound);
            }
        }

        worstShare.ShouldBeGreaterThan(0.02, "a bound that is never approached would bound nothing");
    }

    [Fact]
    public void Encoding_and_decoding_keep_each_component_to_half_a_step()
    {
        var random = new Random(1);
        float[] x = TestData.Unit(random, 128);
        float step = Calibration.StepFor(x.Max(Math.Abs));
        var row = new byte[128];
        var back = new float[128];
        fixed (float* px = x)
        fixed (byte* code = row)
        {
            float residual = Quantiser.EncodeRow(px, 128, step, code);
            Quantiser.DecodeRow(code, 128, step, back);
            for (int i = 0; i < 128; i++) back[i].ShouldBe(x[i], (step / 2) + 1e-7f);
            residual.ShouldBe(x.Zip(back, (a, b) => (a - b) * (a - b)).Sum(), 1e-6f);
        }
    }

    [Fact]
    public void Recalibration_follows_the_data_and_searches_stay_exact()
    {
        var random = new Random(2);
        using var index = new FlatIndex(new IndexOptions { Dimension = 64, MaxVectors = 3000 });
        var model = new NaiveIndex();
        float first = index.Store.Codes.Step;
        for (int i = 0; i < 2000; i++)
        {
            // Ever more energy in ever fewer components: the range grows as the index does.
            float[] x = TestData.Unit(random, 64);
            x[i % 3] += i / 400f;
            index.Add(i, model.Vectors[i] = TestData.Normalise(x));
        }

        index.Store.Codes.Step.ShouldBeGreaterThan(first * 1.2f);
        var results = new Neighbour[10];
        for (int q = 0; q < 30; q++)
        {
            float[] query = TestData.Near(random, model.Vectors[random.Next(2000)], 0.4f);
            index.Search(query, results);
            model.ShouldEqual(results, query, 10);
        }
    }

    [Fact]
    public void Codes_only_scores_are_within_the_bound_and_say_they_are_not_exact()
    {
        float[][] rows = TestData.FaceLike(1000, 128, seed: 5);
        using var index = new FlatIndex(new IndexOptions { Storage = VectorStorage.CodesOnly, MaxVectors = 1000 });
        for (int i = 0; i < rows.Length; i++) index.Add(i, rows[i]);
        var results = new Neighbour[5];
        float bound = (2 * index.Store.Codes.MaxResidual) + 0.02f;
        for (int q = 0; q < 50; q++)
        {
            index.Search(rows[q], results).Exact.ShouldBeFalse();
            results[0].Id.ShouldBe(q);
            foreach (Neighbour n in results) n.Score.ShouldBe(TestData.Dot(rows[q], rows[n.Id]), bound);
        }
    }
}

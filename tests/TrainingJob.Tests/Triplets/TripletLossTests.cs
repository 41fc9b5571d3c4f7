using FaceSearch.TrainingJob.Triplets;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Tests.Triplets;

public sealed class TripletLossTests
{
    [Fact]
    public void The_loss_is_the_mean_of_the_triplets_that_have_one()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            NaiveTriplets batch = NaiveTriplets.Random(seed);
            Triplet[] all = [.. batch.All()];
            double[] losses = [.. all.Select(t => Math.Max(0, batch.Distance(t.Anchor, t.Positive) - batch.Distance(t.Anchor, t.Negative) + 0.2))];
            double expected = losses.Any(l => l > 0) ? losses.Where(l => l > 0).Average() : 0;
            using Tensor embeddings = Tensor(batch);
            using Tensor loss = TripletLoss.Of(embeddings, all);
            loss.item<float>().ShouldBe((float)expected, 1e-4f);
        }
    }

    [Fact]
    public void The_gradient_is_that_of_a_small_step_in_each_direction()
    {
        // A margin over the largest distance of unit vectors: every triplet has a loss, so there is no kink to step over.
        const float Margin = 5;
        NaiveTriplets batch = NaiveTriplets.Random(12);
        Triplet[] all = [.. batch.All()];
        using Tensor embeddings = Tensor(batch).requires_grad_();
        using Tensor loss = TripletLoss.Of(embeddings, all, Margin);
        loss.backward();
        float[] gradient = embeddings.grad!.data<float>().ToArray();
        gradient.Max(Math.Abs).ShouldBeGreaterThan(0.01f);
        const float Step = 1e-2f;
        for (int i = 0; i < 12; i++)
        {
            float numeric = (At(i, Step) - At(i, -Step)) / (2 * Step);
            gradient[i].ShouldBe(numeric, 2e-3f);
        }

        float At(int i, float step)
        {
            float[] moved = [.. batch.Embeddings];
            moved[i] += step;
            using Tensor x = tensor(moved, [batch.Count, NaiveTriplets.Dimension]);
            using Tensor value = TripletLoss.Of(x, all, Margin);
            return value.item<float>();
        }
    }

    [Fact]
    public void Without_triplets_the_loss_is_zero_and_can_still_be_differentiated()
    {
        using Tensor embeddings = ones(3, 4, requires_grad: true);
        using Tensor loss = TripletLoss.Of(embeddings, []);
        loss.backward();
        loss.item<float>().ShouldBe(0);
        embeddings.grad!.abs().sum().item<float>().ShouldBe(0);
    }

    [Fact]
    public void Gradient_descent_pulls_identities_together_and_apart()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        int[] identities = [.. Enumerable.Range(0, 24).Select(i => i / 4)];
        Tensor free = randn([24, 8], generator: generator).requires_grad_();
        TripletMiner miner = new SemiHardMiner();
        for (int step = 0; step < 200; step++)
        {
            using DisposeScope inner = NewDisposeScope();
            Tensor unit = nn.functional.normalize(free, 2, 1);
            free.grad?.zero_();
            TripletLoss.Of(unit, miner.Mine(SquaredDistances.Of(unit), identities).Triplets).backward();
            using IDisposable _ = no_grad();
            free.sub_(free.grad!.mul(1));
        }
        MinedTriplets end = miner.Mine(SquaredDistances.Of(nn.functional.normalize(free, 2, 1)), identities);
        end.ActiveShare.ShouldBeLessThan(0.02);
    }

    private static Tensor Tensor(NaiveTriplets batch) => tensor(batch.Embeddings, [batch.Count, NaiveTriplets.Dimension]);
}

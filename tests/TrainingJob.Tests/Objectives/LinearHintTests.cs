using FaceSearch.TrainingJob.Objectives;
using FaceSearch.TrainingJob.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Tests.Objectives;

public sealed class LinearHintTests
{
    [Fact]
    public void Nothing_is_lost_where_a_linear_map_gives_the_teachers_features()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor features = Random(1, 8, 12, 5, 5);
        Tensor teacher = einsum("bchw,cd->bdhw", features, Random(2, 12, 7)) + 3;
        LinearHint.Loss(features, teacher).item<float>().ShouldBeLessThan(1e-4f);
    }

    [Fact]
    public void Everything_is_lost_where_the_two_have_nothing_in_common()
    {
        using DisposeScope scope = NewDisposeScope();
        LinearHint.Loss(Random(1, 16, 4, 9, 9), Random(2, 16, 6, 9, 9)).item<float>().ShouldBeInRange(0.98f, 1f);
    }

    [Fact]
    public void The_gradient_is_that_of_a_small_step_though_the_map_is_solved_anew_for_it()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor teacher = Random(2, 3, 5, 4, 4);
        Tensor features = Random(1, 3, 6, 4, 4).requires_grad_();
        LinearHint.Loss(features, teacher).backward();
        float[] gradient = features.grad!.data<float>().ToArray();
        gradient.Max(Math.Abs).ShouldBeGreaterThan(1e-3f);
        const float Step = 1e-2f;
        for (int i = 0; i < 40; i++)
            gradient[i].ShouldBe((At(i, Step) - At(i, -Step)) / (2 * Step), 1e-4f);

        float At(int i, float step)
        {
            float[] moved = features.detach().data<float>().ToArray();
            moved[i] += step;
            return LinearHint.Loss(tensor(moved, features.shape), teacher).item<float>();
        }
    }

    [Fact]
    public void Hints_are_read_as_pairs()
    {
        HintPair.Parse("stage2/relu=/features.11/Add, stage3/relu = b").ShouldBe([new HintPair("stage2/relu", "/features.11/Add"), new HintPair("stage3/relu", "b")]);
        HintPair.Parse(null).ShouldBeEmpty();
        Should.Throw<TrainingException>(() => HintPair.Parse("stage2/relu")).Message.ShouldContain("layer=value");
    }

    private static Tensor Random(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return randn(shape, generator: generator);
    }
}

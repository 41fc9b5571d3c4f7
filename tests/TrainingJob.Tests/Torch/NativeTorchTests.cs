using FaceSearch.TrainingJob.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace FaceSearch.TrainingJob.Tests.Torch;

public sealed class NativeTorchTests
{
    private const string Missing = "_ZSt21ios_base_library_initv";

    [Fact]
    public void A_forward_and_a_backward_pass_run_on_this_host()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = tensor(new float[] { 1, 2, 3 }, requires_grad: true);
        x.square().sum().backward();
        x.grad!.data<float>().ToArray().ShouldBe([2, 4, 6]);
    }

    [Fact]
    public void The_patched_copy_differs_in_the_symbols_name_its_version_and_one_flag_only()
    {
        byte[] original = File.ReadAllBytes(NativeTorch.Find("libLibTorchSharp.so")!);
        byte[] copy = NativeTorch.Patch(original);
        copy.Length.ShouldBe(original.Length);
        int changed = original.Zip(copy).Count(pair => pair.First != pair.Second);
        changed.ShouldBeInRange(10, Missing.Length + 4);
    }

    [Fact]
    public void A_file_of_another_kind_or_build_is_refused_not_altered()
    {
        Should.Throw<InvalidDataException>(() => NativeTorch.Patch(new byte[100]));
        byte[] once = NativeTorch.Patch(File.ReadAllBytes(NativeTorch.Find("libLibTorchSharp.so")!));
        Should.Throw<InvalidDataException>(() => NativeTorch.Patch(once));
    }
}

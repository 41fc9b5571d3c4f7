using System.Runtime.CompilerServices;
using FaceSearch.TrainingJob.Torch;

namespace FaceSearch.TrainingJob.Tests.Torch;

internal static class PrepareTorch
{
#pragma warning disable CA2255 // A test may touch TorchSharp before it touches the TrainingJob.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Run() => NativeTorch.Prepare();
}

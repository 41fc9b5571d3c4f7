using FaceSearch.TrainingJob.Training;
using FaceSearch.TrainingJob.Worker;

namespace FaceSearch.TrainingJob.Tests.Worker;

public sealed class PlanOptionsTests
{
    [Fact]
    public void Options_of_a_plan_become_options_of_a_run()
    {
        TrainingOptions made = PlanOptions.Of(Lease(new() { ["epochs"] = "7", ["learning-rate"] = "0.0005", ["negatives"] = "Hard", ["mixed-precision"] = "false", ["test-share"] = "0.3" }), "/runs/run-1", "/models");
        (made.Mode, made.Epochs, made.LearningRate, made.Negatives, made.MixedPrecision, made.TestShare).ShouldBe((TrainingMode.Head, 7, 0.0005, NegativeKind.Hard, false, 0.3f));
        (made.RunFolder, made.ModelsFolder, made.BaseModel, made.ModelName, made.Seed).ShouldBe(("/runs/run-1", "/models", "base", "base-run-1", 5));
        made.Margin.ShouldBe(new TrainingOptions { Mode = TrainingMode.Head, RunFolder = "", ModelName = "" }.Margin);
    }

    [Theory]
    [InlineData("run-folder", "/etc")]
    [InlineData("seed", "2")]
    [InlineData("no-such-option", "1")]
    [InlineData("epochs", "many")]
    public void What_is_no_option_is_refused_and_the_worker_s_own_cannot_be_set(string name, string value) =>
        Should.Throw<TrainingException>(() => PlanOptions.Of(Lease(new() { [name] = value }), "/runs/run-1", "/models"));

    private static TrainingLease Lease(Dictionary<string, string> options) => new(
        new TrainingRun("run-1", new TrainingRequest(Gallery: "people", Options: options, Seed: 5), null, "tester", DateTimeOffset.UnixEpoch, TrainingRunState.Running, 1, "w", null, null, null, null, false, null),
        1, TimeSpan.FromMinutes(1), ["people"], "base", "base");
}

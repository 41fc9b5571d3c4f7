using FaceSearch.TrainingJob.Commands;
using FaceSearch.TrainingJob.Tests.Training;
using FaceSearch.TrainingJob.Training;
using NetVips;

namespace FaceSearch.TrainingJob.Tests.Commands;

public sealed class CommandLineTests : IDisposable
{
    private readonly TinyBase _base = new();

    public void Dispose() => _base.Dispose();

    [Fact]
    public async Task Wrong_usage_failure_and_success_have_exit_codes_of_their_own()
    {
        (await CommandLine.RunAsync(["train", "--data", "x"])).ShouldBe(CommandLine.Usage);
        (await CommandLine.RunAsync(["train", "--data", _base.Run("nowhere"), "--out", _base.Run("run"), "--models", _base.Models])).ShouldBe(CommandLine.Failed);
        (await CommandLine.RunAsync(["networks"])).ShouldBe(CommandLine.Ok);
        (await CommandLine.RunAsync(["export", _base.Run("nowhere"), "--out", _base.Run("run")])).ShouldBe(CommandLine.Failed);
    }

    [Fact]
    public void Every_command_teaches_by_example()
    {
        foreach (System.CommandLine.Command command in CommandLine.Build().Subcommands)
        {
            command.Description.ShouldNotBeNullOrWhiteSpace();
            command.Options.Concat<System.CommandLine.Symbol>(command.Arguments).ShouldAllBe(o => !string.IsNullOrEmpty(o.Description));
        }
    }

    [Fact]
    public void Progress_in_words_has_the_time_left()
    {
        var progress = new TrainingProgress("training", 1200, 4800, 0.25, new EvaluationFigures(100, 200, 0.97, 0.9, 0.88, 0.7), TimeSpan.FromMinutes(61));
        ProgressDisplay.Describe(progress).ShouldBe("training 1,200/4,800, loss 0.2500, validation rank-1 88.0 %, pairs 97.0 %, 1:01:00 left");
    }

    [Fact]
    public async Task A_folder_without_faces_says_what_to_install()
    {
        string person = Directory.CreateDirectory(Path.Combine(_base.Run("photos"), "someone")).FullName;
        using (Image grey = Image.Black(120, 120))
            grey.WriteToFile(Path.Combine(person, "1.png"));
        (await CommandLine.RunAsync(["train", "--data", _base.Run("photos"), "--out", _base.Run("run"), "--models", _base.Models])).ShouldBe(CommandLine.Failed);
    }
}

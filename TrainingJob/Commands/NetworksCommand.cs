using System.CommandLine;
using FaceSearch.TrainingJob.Networks;

namespace FaceSearch.TrainingJob.Commands;

/// <summary><c>trainingjob networks</c>: what can be trained, and what it costs.</summary>
internal static class NetworksCommand
{
    public static Command Build()
    {
        Option<string?> layers = new("--layers") { Description = "Show one network's blocks.", HelpName = "network" };
        return new Command("networks", "The networks that can be trained, with their parameters and multiply-adds.") { layers }.WithExamples(
            "trainingjob networks", "trainingjob networks --layers nn2").Runs((parse, _) =>
        {
            if (parse.GetValue(layers) is { } name)
                NetworkSummary.Of(NetworkCatalogue.Find(name).Define(new NetworkOptions())).Write(Console.Out);
            else
                NetworkSummary.WriteCatalogue(Console.Out, new NetworkOptions());
            return Task.CompletedTask;
        });
    }
}

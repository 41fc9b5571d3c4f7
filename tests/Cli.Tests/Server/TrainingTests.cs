using System.Text.Json;

namespace FaceSearch.Cli.Tests.Server;

/// <summary>Training runs, schedules and a model's life from the command line, against a real server.</summary>
[Collection(SiloTests.Name)]
public sealed class TrainingTests(SiloFixture silo)
{
    [Fact]
    public async Task A_run_is_started_shown_listed_and_cancelled()
    {
        _ = SharedData.Folder;
        Ran started = await silo.RunAsync(ExitCodes.Ok, "training", "start", "--folder", "faces", "--set", "epochs=3", "--detach", "--json");
        string id = started.Json.GetProperty("id").GetString()!;
        started.Json.GetProperty("plan").GetProperty("options").GetProperty("epochs").GetString().ShouldBe("3");
        (await silo.RunAsync(ExitCodes.Ok, "training", "show", id)).Out.ShouldContain($"{id}: queued; Head training of folder 'faces'");
        (await silo.RunAsync(ExitCodes.Ok, "training", "list")).Out.ShouldContain(id);
        (await silo.RunAsync(ExitCodes.Ok, "training", "cancel", id)).Out.ShouldContain("Cancelled.");
        await silo.RunAsync(ExitCodes.Failed, "training", "show", id, "--follow");
        (await silo.RunAsync(ExitCodes.Failed, "training", "start", "--gallery", "nowhere", "--json")).Problem.GetProperty("type").GetString().ShouldBe("gallery-not-found");
    }

    [Fact]
    public async Task A_schedule_is_set_listed_and_removed()
    {
        _ = SharedData.Folder;
        (await silo.RunAsync(ExitCodes.Ok, "training", "schedule", "0 3 * * 1", "--folder", "faces", "--name", "cli-nights")).Out.ShouldContain("'cli-nights' is due next at");
        JsonElement listed = (await silo.RunAsync(ExitCodes.Ok, "training", "schedules", "--json")).Json.GetProperty("items").EnumerateArray().Single(s => s.GetProperty("schedule").GetProperty("name").GetString() == "cli-nights");
        listed.GetProperty("schedule").GetProperty("plan").GetProperty("promote").GetBoolean().ShouldBeTrue();
        await silo.RunAsync(ExitCodes.Usage, "training", "schedule", "0 3 * * 1", "--folder", "faces");
        await silo.RunAsync(ExitCodes.Failed, "training", "schedule", "often", "--folder", "faces", "--name", "cli-nights");
        await silo.RunAsync(ExitCodes.Ok, "training", "unschedule", "cli-nights");
        await silo.RunAsync(ExitCodes.Failed, "training", "unschedule", "cli-nights");
    }

    [Fact]
    public async Task The_active_model_is_shown_with_its_history_and_what_it_cannot_do_is_said()
    {
        _ = SharedData.Folder;
        (await silo.RunAsync(ExitCodes.Ok, "models", "show", "mobilefacenet-128")).Out.ShouldContain("The first embedder.");
        (await silo.RunAsync(ExitCodes.Failed, "models", "promote", "mobilefacenet-128")).Out.ShouldContain("It is the active model already.");
        (await silo.RunAsync(ExitCodes.Failed, "models", "retire", "mobilefacenet-128")).Error.ShouldContain("roll back");
        (await silo.RunAsync(ExitCodes.Failed, "models", "rollback", "--reason", "a try")).Error.ShouldContain("nothing to roll back to");
        (await silo.RunAsync(ExitCodes.Ok, "models", "compare", "mobilefacenet-128", "yunet-n")).Out.ShouldContain("never compared");
        await silo.RunAsync(ExitCodes.Failed, "models", "show", "nothing");
    }
}

using System.Text.Json;
using FaceSearch.EndToEnd.Tests.Server;

namespace FaceSearch.EndToEnd.Tests.Reembedding;

/// <summary>
/// A gallery of real photographs under constant load moves to another model and back. docs/reembedding.md has the command of the long
/// run (10,000 identities) and what it measured.
/// </summary>
public sealed class LiveMoveTests
{
    [Fact]
    [Trait("Category", "Slow")]
    public async Task Under_load_a_move_and_a_rollback_fail_no_request_and_mix_no_generations()
    {
        using TwoModels models = new();
        await using ServerProcess server = await ServerProcess.StartAsync(models.Folder);
        await server.CreateGalleryAsync("staff", new { model = TwoModels.First, retention = "crop" });
        LiveLoad load = new(server, "staff", Move.Pictures(), Move.Setting("FACESEARCH_REEMBED_IDENTIFY_RATE", 4), Move.Setting("FACESEARCH_REEMBED_ENROL_RATE", 1));
        await load.FillAsync(Move.Setting("FACESEARCH_REEMBED_PEOPLE", 40));
        TimeSpan while_ = TimeSpan.FromSeconds(Move.Setting("FACESEARCH_REEMBED_SECONDS", 4));

        load.Start();
        await Task.Delay(while_, TestContext.Current.CancellationToken);
        load.Period = "backfill";
        await server.StartMoveAsync("staff", TwoModels.Second);
        JsonElement status = await server.UntilAsync("staff", "active", TimeSpan.FromHours(2));
        load.Period = "after";
        string[] acknowledged = [.. load.Acknowledged.Keys];
        HashSet<string> moved = await server.PeopleAsync("staff");
        await Task.Delay(while_, TestContext.Current.CancellationToken);
        load.Period = "rolled back";
        string[] sinceSwitch = [.. load.Acknowledged.Keys];
        await server.SendAsync(HttpMethod.Post, "/api/v1/galleries/staff/reembedding/rollback", null);
        await Task.Delay(while_, TestContext.Current.CancellationToken);
        await load.StopAsync();
        HashSet<string> back = await server.PeopleAsync("staff");

        double before = load.Percentile("before", 0.99), during = load.Percentile("backfill", 0.99);
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{status.GetProperty("moved").GetInt64()} templates moved; {load.Identified} identified, {load.Acknowledged.Count} enrolled; p50/p99 before {load.Percentile("before", 0.5):F0}/{before:F0} ms ({load.Count("before")}), "
            + $"during {load.Percentile("backfill", 0.5):F0}/{during:F0} ms ({load.Count("backfill")}), after {load.Percentile("after", 0.5):F0}/{load.Percentile("after", 0.99):F0} ms; ratio of p99 {during / before:F2}; "
            + $"failed {load.Failures.Count}, mixed {load.Mixed.Count}; answers {string.Join(", ", load.Answers.Select(a => $"{a.Key.Model} {a.Key.Generation}: {a.Value}"))}"));
        load.Failures.ShouldBeEmpty(server.Output);
        load.Mixed.ShouldBeEmpty();
        load.Answers.Keys.Order().ShouldBe([(TwoModels.First, 1), (TwoModels.Second, 2)]);
        acknowledged.ShouldBeSubsetOf(moved);
        sinceSwitch.ShouldBeSubsetOf(back);
        back.ShouldBe(load.Acknowledged.Keys, ignoreOrder: true);
        if (Environment.GetEnvironmentVariable("FACESEARCH_REEMBED_ASSERT_LATENCY") == "1")
            during.ShouldBeLessThanOrEqualTo(2 * before);
    }
}

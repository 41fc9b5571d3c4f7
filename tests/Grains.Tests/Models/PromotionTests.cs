using FaceSearch.Grains.Tests.Cluster;
using FaceSearch.Messages;

namespace FaceSearch.Grains.Tests.Models;

/// <summary>Promotion in a real silo: only on evidence, or forced with a reason; published at least once; and back.</summary>
public sealed class PromotionTests : IAsyncLifetime
{
    private readonly TestSilo _silo = new();

    private IModelRegistryGrain Registry => _silo.Grains.GetGrain<IModelRegistryGrain>(IModelRegistryGrain.Key);

    public async ValueTask InitializeAsync()
    {
        await _silo.InitializeAsync();
        await Registry.RegisterAsync(Model("base"));
        await Registry.RegisterAsync(Model("next", parent: "base"));
    }

    public ValueTask DisposeAsync() => _silo.DisposeAsync();

    [Fact]
    public async Task A_candidate_without_a_comparison_is_refused_and_the_refusal_is_recorded()
    {
        PromotionOutcome outcome = await Registry.PromoteAsync("next", new PromotionWish("tester"));
        outcome.Promoted.ShouldBeFalse();
        outcome.Reasons.ShouldHaveSingleItem().ShouldContain("never compared with the active model 'base'");
        ModelStep step = (await Registry.GetHistoryAsync("next"))[^1];
        (step.From, step.To, step.By, step.Forced).ShouldBe((ModelStatus.Candidate, ModelStatus.Candidate, "tester", false));
        step.Reason.ShouldStartWith("Promotion refused.");
        _silo.Events.Messages.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_better_candidate_becomes_active_with_its_measured_figures_and_is_published()
    {
        await Registry.RecordEvaluationAsync("next", Evaluation("base", "next", gain: 0.05));
        PromotionOutcome outcome = await Registry.PromoteAsync("next", new PromotionWish("tester"));
        outcome.Promoted.ShouldBeTrue(string.Join(' ', outcome.Reasons));
        outcome.Previous.ShouldBe("base");
        outcome.Model.OperatingPoints.ShouldBe([new OperatingPoint(0.1, 0.2f), new OperatingPoint(1e-3, 0.5f)]);
        (await Registry.FindAsync("base"))!.Status.ShouldBe(ModelStatus.Retired);
        ModelPublished published = _silo.Events.Messages.ShouldHaveSingleItem().ShouldBeOfType<ModelPublished>();
        (published.Model, published.Replaces, published.Gallery, published.Sha256).ShouldBe(("next", "base", null, Sha("next")));
        // A start reads the manifest again: what was measured stays.
        (await Registry.RegisterAsync(Model("next"))).OperatingPoints.Count.ShouldBe(2);
        (await _silo.Gallery("fresh").CreateAsync(new GallerySettings())).Model.ShouldBe("next");
    }

    [Theory]
    [InlineData(0, "No better")]
    [InlineData(-0.05, "Worse: TAR@FAR 1e-3")]
    public async Task What_is_no_better_is_refused_with_figures(double gain, string because)
    {
        await Registry.RecordEvaluationAsync("next", Evaluation("base", "next", gain));
        PromotionOutcome outcome = await Registry.PromoteAsync("next", new PromotionWish("tester"));
        outcome.Promoted.ShouldBeFalse();
        outcome.Reasons[0].ShouldStartWith(because);
        (await Registry.GetActiveEmbedderAsync())!.Name.ShouldBe("base");
    }

    [Fact]
    public async Task A_damaged_cohort_and_too_few_people_refuse()
    {
        ModelEvaluation good = Evaluation("base", "next", gain: 0.05);
        await Registry.RecordEvaluationAsync("next", good with { Comparisons = [.. good.Comparisons, new ModelComparison(ModelMetric.Rank1, "children", 9, 0.9, 0.4, -0.7, -0.3, 0.8)] });
        (await Registry.PromoteAsync("next", new PromotionWish("tester"))).Reasons.ShouldHaveSingleItem().ShouldContain("rank-1 of cohort 'children' goes from 90.00 % to 40.00 %");
        await Registry.RecordEvaluationAsync("next", good);
        (await Registry.PromoteAsync("next", new PromotionWish("tester", LeastPeople: 1000))).Reasons[0].ShouldContain("at least 1000");
    }

    [Fact]
    public async Task A_comparison_with_a_model_that_is_no_longer_active_does_not_count()
    {
        await Registry.RegisterAsync(Model("third"));
        await Registry.RecordEvaluationAsync("next", Evaluation("base", "next", gain: 0.05));
        await Registry.PromoteAsync("third", new PromotionWish("tester", "the licence of the other ran out"));
        (await Registry.PromoteAsync("next", new PromotionWish("tester"))).Reasons[0].ShouldContain("'third' is active now: compare it again");
        await Should.ThrowAsync<FaceSearchException>(() => Registry.RecordEvaluationAsync("next", Evaluation("base", "other", gain: 0.05)));
    }

    [Fact]
    public async Task Force_needs_a_reason_and_is_recorded_with_what_stood_against_it()
    {
        (await Should.ThrowAsync<FaceSearchException>(() => Registry.PromoteAsync("next", new PromotionWish("k1", " ")))).Type.ShouldBe(ProblemTypes.InvalidRequest);
        (await Registry.PromoteAsync("next", new PromotionWish("k1", "the licence of the old one ran out"))).Promoted.ShouldBeTrue();
        ModelStep step = (await Registry.GetHistoryAsync("next"))[^1];
        (step.To, step.By, step.Forced).ShouldBe((ModelStatus.Active, "k1", true));
        step.Reason.ShouldContain("the licence of the old one ran out");
        step.Reason.ShouldContain("never compared");
    }

    [Fact]
    public async Task Roll_back_makes_the_one_before_active_again_and_publishes_it()
    {
        (await Should.ThrowAsync<FaceSearchException>(() => Registry.RollBackAsync("k1", "a try"))).Message.ShouldContain("nothing to roll back to");
        await Registry.PromoteAsync("next", new PromotionWish("k1", "a try"));
        PromotionOutcome back = await Registry.RollBackAsync("k1", "people complained");
        back.Model.ShouldSatisfyAllConditions(m => m.Name.ShouldBe("base"), m => m.Status.ShouldBe(ModelStatus.Active));
        (await Registry.FindAsync("next"))!.Status.ShouldBe(ModelStatus.Retired);
        _silo.Events.Messages.OfType<ModelPublished>().Select(p => (p.Model, p.Replaces)).ShouldBe([("next", "base"), ("base", "next")]);
    }

    [Fact]
    public async Task A_publication_that_the_broker_missed_is_published_after_a_restart()
    {
        _silo.Events.Down = true;
        (await Registry.PromoteAsync("next", new PromotionWish("k1", "a try"))).Promoted.ShouldBeTrue();
        _silo.Events.Messages.ShouldBeEmpty();
        await _silo.RestartAsync();
        (await Registry.GetActiveEmbedderAsync())!.Name.ShouldBe("next");
        _silo.Events.Down = false;
        await Registry.WakeAsync();
        await Registry.WakeAsync();
        _silo.Events.Messages.ShouldHaveSingleItem().ShouldBeOfType<ModelPublished>().EventId.ShouldBe("model-published/1/base");
    }

    [Fact]
    public async Task A_model_of_one_gallery_is_active_in_it_alone()
    {
        await _silo.Gallery("door").CreateAsync(new GallerySettings());
        await Registry.RegisterAsync(Model("door-1", parent: "base", gallery: "door"));
        await Registry.RecordEvaluationAsync("door-1", Evaluation("base", "door-1", gain: 0.05));
        PromotionOutcome outcome = await Registry.PromoteAsync("door-1", new PromotionWish("k1"));
        outcome.Promoted.ShouldBeTrue(string.Join(' ', outcome.Reasons));
        (await Registry.GetActiveEmbedderAsync())!.Name.ShouldBe("base");
        ModelPublished published = _silo.Events.Messages.ShouldHaveSingleItem().ShouldBeOfType<ModelPublished>();
        (published.Model, published.Replaces, published.Gallery).ShouldBe(("door-1", "base", "door"));
        await Registry.RollBackAsync("k1", "a try", "door");
        (await Registry.FindAsync("door-1"))!.Status.ShouldBe(ModelStatus.Retired);
        (await Registry.FindAsync("base"))!.Status.ShouldBe(ModelStatus.Active);
    }

    private static string Sha(string name) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)));

    private static ModelDescription Model(string name, string? parent = null, string? gallery = null) => new(
        name, "embedder", Sha(name), "Apache-2.0", "a test", ModelStatus.Candidate, DateTimeOffset.UtcNow, null, [], null,
        parent is null ? null : new ModelLineage(parent, null, TrainingKind.Head, "d", 10, 20, new Dictionary<string, string>(), 1, "1", DateTimeOffset.UtcNow), gallery);

    private static ModelEvaluation Evaluation(string active, string candidate, double gain) => new(
        active, Sha(active), Sha(candidate), "synthetic", 100, 400, null,
        [.. new[] { ModelMetric.TarAtFar1E3, ModelMetric.Rank1, ModelMetric.TpirAtFpir1 }.Select(m => new ModelComparison(m, null, 100, 0.9, 0.9 + gain, gain - 0.02, gain + 0.02, 0.8))],
        [], [], [new OperatingPoint(0.1, 0.2f), new OperatingPoint(1e-3, 0.5f)], DateTimeOffset.UtcNow);
}

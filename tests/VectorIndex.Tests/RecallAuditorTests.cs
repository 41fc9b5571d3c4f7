namespace FaceSearch.VectorIndex.Tests;

public sealed class RecallAuditorTests
{
    private static readonly float[][] s_rows = TestData.FaceLike(3000, 64, seed: 51);

    [Fact]
    public void It_reports_the_recall_of_what_was_observed()
    {
        using HnswIndex index = HnswIndexTests.Build(s_rows);
        using var auditor = new RecallAuditor(index, new RecallAuditorOptions { SampleEvery = 1, Capacity = 500, IdlePeriod = null, DecisionThreshold = 0.6f });
        double.IsNaN(auditor.Report.RecallAll).ShouldBeTrue();
        var random = new Random(1);
        var found = new Neighbour[1];
        var exact = new Neighbour[1];
        int hits = 0, mated = 0, matedHits = 0;
        for (int q = 0; q < 400; q++)
        {
            float[] query = q % 2 == 0 ? TestData.Near(random, s_rows[random.Next(3000)], 0.5f) : TestData.Unit(random, 64);
            index.Search(query, found, new SearchOptions { EfSearch = 1 });
            index.SearchExact(query, exact);
            bool hit = found[0].Score >= exact[0].Score - 2e-6f;
            if (hit) hits++;
            if (exact[0].Score >= 0.6f) mated++;
            if (exact[0].Score >= 0.6f && hit) matedHits++;
            auditor.Observe(query, found);
        }

        hits.ShouldBeLessThan(400, "a walk of width 1 must miss some, or this test shows nothing");
        auditor.ReplayPending().ShouldBe(400);
        RecallReport report = auditor.Report;
        report.Replayed.ShouldBe(400);
        report.RecallAll.ShouldBe(hits / 400.0, 1e-12);
        report.Mated.ShouldBe(mated);
        report.RecallMated.ShouldBe((double)matedHits / mated, 1e-12);
    }

    [Fact]
    public void An_answer_that_changed_with_the_index_is_stale_and_not_a_miss()
    {
        using HnswIndex index = HnswIndexTests.Build(s_rows[..500]);
        using var auditor = new RecallAuditor(index, new RecallAuditorOptions { SampleEvery = 1, IdlePeriod = null });
        var found = new Neighbour[1];
        index.Search(s_rows[600], found);
        auditor.Observe(s_rows[600], found);
        index.Add(600, s_rows[600]);
        auditor.ReplayPending();
        auditor.Report.Stale.ShouldBe(1);
        auditor.Report.Replayed.ShouldBe(0);
    }

    [Fact]
    public void It_samples_drops_when_full_and_replays_by_itself_when_idle()
    {
        using HnswIndex index = HnswIndexTests.Build(s_rows[..500]);
        var found = new Neighbour[1];
        index.Search(s_rows[0], found);
        using (var manual = new RecallAuditor(index, new RecallAuditorOptions { SampleEvery = 10, Capacity = 3, IdlePeriod = null }))
        {
            for (int i = 0; i < 50; i++) manual.Observe(s_rows[0], found);
            manual.Report.Dropped.ShouldBe(2);
            manual.ReplayPending().ShouldBe(3);
        }

        using var auditor = new RecallAuditor(index, new RecallAuditorOptions { SampleEvery = 1, IdlePeriod = TimeSpan.FromMilliseconds(1) });
        auditor.Observe(s_rows[0], found);
        SpinWait.SpinUntil(() => auditor.Report.Replayed == 1, TimeSpan.FromSeconds(30)).ShouldBeTrue();
        auditor.Report.RecallAll.ShouldBe(1);
    }

    [Fact]
    public void Early_decision_scores_less_and_says_so()
    {
        using HnswIndex index = HnswIndexTests.Build(s_rows);
        var random = new Random(3);
        var full = new Neighbour[1];
        var early = new Neighbour[1];
        long fullScored = 0, earlyScored = 0;
        int stopped = 0, same = 0;
        for (int q = 0; q < 300; q++)
        {
            float[] query = TestData.Near(random, s_rows[random.Next(3000)], 0.4f);
            fullScored += index.Search(query, full, new SearchOptions { EfSearch = 512 }).Scored;
            SearchOutcome outcome = index.Search(query, early, new SearchOptions { EfSearch = 512, DecisionThreshold = 0.5f });
            earlyScored += outcome.Scored;
            if (outcome.StoppedEarly) stopped++;
            if (full[0].Id == early[0].Id) same++;
        }

        index.Search(s_rows[0], full, new SearchOptions { EfSearch = 512 }).StoppedEarly.ShouldBeFalse();
        stopped.ShouldBeGreaterThan(250);
        earlyScored.ShouldBeLessThan(fullScored * 2 / 3);
        same.ShouldBeGreaterThan(296);
    }
}

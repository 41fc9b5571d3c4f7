using FaceSearch.Grains.Tests.Cluster;

namespace FaceSearch.Grains.Tests.Models;

public sealed class ShadowTests(TestSilo silo) : IClassFixture<TestSilo>
{
    /// <summary>A crop that says who it shows.</summary>
    private static FaceCrop Crop(int person, int sample) => new(16, [.. Enumerable.Repeat((byte)0, (16 * 16 * 3) - 2), (byte)person, (byte)sample]);

    [Fact]
    public async Task A_shadow_that_sees_the_same_people_agrees_and_one_that_mixes_them_up_does_not()
    {
        silo.Embedders["good"] = face => Faces.Of(face.Rgb[^2] + 500, face.Rgb[^1]);
        silo.Embedders["bad"] = face => Faces.Of(face.Rgb[^2] % 2, face.Rgb[^1]);
        ShadowReport good = await WatchAsync("good"), bad = await WatchAsync("bad");

        (good.Active, good.Probes, good.Failed, good.OnlyActive, good.OnlyShadow).ShouldBe(("live", 40, 0, 0, 0));
        good.Pairs.ShouldBe(40 * 39 / 2);
        good.BothSame.ShouldBe(10 * 6);
        good.Correlation!.Value.ShouldBeGreaterThan(0.9);
        good.MeanMilliseconds.ShouldNotBeNull();
        bad.OnlyShadow.ShouldBeGreaterThan(300);
        bad.Correlation!.Value.ShouldBeLessThan(0.6);
    }

    [Fact]
    public async Task A_shadow_that_is_not_installed_counts_failures()
    {
        ShadowReport report = await WatchAsync("absent");
        (report.Probes, report.Failed, report.Pairs, report.Correlation).ShouldBe((0, 40, 0, null));
    }

    private async Task<ShadowReport> WatchAsync(string model)
    {
        IShadowGrain shadow = silo.Grains.GetGrain<IShadowGrain>(model);
        for (int i = 0; i < 40; i++)
            await shadow.ObserveAsync("live", Faces.Of(i / 4, i % 4), Crop(i / 4, i % 4));
        return await shadow.GetReportAsync();
    }
}

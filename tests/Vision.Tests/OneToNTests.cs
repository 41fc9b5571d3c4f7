namespace FaceSearch.Vision.Tests;

/// <summary>1:N on LFW: gallery = the _0001 image of each person, probes = their other images, most central face.</summary>
public sealed class OneToNTests(RealModels models) : IClassFixture<RealModels>
{
    [Fact]
    public void Among_150_people_nearly_every_probe_finds_its_person()
    {
        var random = new Random(2015);
        string[] people = [.. People().Where(p => Images(p).Length >= 2)];
        random.Shuffle(people);
        string[] chosen = [.. people.Take(150).Order(StringComparer.Ordinal)];
        (double rank1, _) = Measure([.. chosen.Select(p => Images(p)[0])], [.. chosen.Select(p => Images(p)[1])]);
        rank1.ShouldBeGreaterThanOrEqualTo(0.98);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void On_all_of_lfw_rank_1_and_tpir_reach_the_required_figures()
    {
        string[][] people = [.. People().Select(Images)];
        string[] gallery = [.. people.Select(p => p[0])], probes = [.. people.SelectMany(p => p.Skip(1))];
        (double rank1, double tpir) = Measure(gallery, probes);
        rank1.ShouldBeGreaterThanOrEqualTo(0.965);
        tpir.ShouldBeGreaterThanOrEqualTo(0.87);
    }

    /// <summary>Rank-1 rate, and TPIR at the threshold that 1 % of the probes' best scores among other people exceed.</summary>
    private (double Rank1, double Tpir) Measure(string[] gallery, string[] probes)
    {
        float[][] enrolled = Embed(gallery), searched = Embed(probes);
        (float Own, float BestOther)[] results = [.. searched.AsParallel().AsOrdered().Select((probe, i) =>
        {
            string person = Path.GetDirectoryName(probes[i])!;
            float own = -1, other = -1;
            for (int g = 0; g < gallery.Length; g++)
            {
                float score = RealModels.Cosine(probe, enrolled[g]);
                if (Path.GetDirectoryName(gallery[g]) == person)
                    own = score;
                else
                    other = MathF.Max(other, score);
            }
            return (own, other);
        })];
        float threshold = results.Select(r => r.BestOther).OrderDescending().ElementAt(results.Length / 100);
        return (Share(r => r.Own > r.BestOther), Share(r => r.Own > r.BestOther && r.Own > threshold));

        double Share(Func<(float Own, float BestOther), bool> holds) => results.Count(holds) / (double)results.Length;
    }

    private float[][] Embed(string[] files) => [.. files.AsParallel().AsOrdered().Select(file =>
        RealModels.Embed(models.Embedder, models.Pipeline.Analyse(File.ReadAllBytes(file)).MostCentral.ShouldNotBeNull().Crop))];

    private static IEnumerable<string> People() =>
        Directory.GetDirectories(SharedData.Faces).Order(StringComparer.Ordinal)
            .Where(p => File.Exists(Path.Combine(p, Path.GetFileName(p) + "_0001.jpg")));

    private static string[] Images(string person) => [.. Directory.GetFiles(person, "*.jpg").Order(StringComparer.Ordinal)];
}

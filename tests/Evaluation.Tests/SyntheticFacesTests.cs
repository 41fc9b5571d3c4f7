namespace FaceSearch.Evaluation.Tests;

public sealed class SyntheticFacesTests
{
    [Fact]
    public void They_have_the_spread_of_faces_and_are_repeatable()
    {
        var data = SyntheticFaces.Generate(1000, 2, 2, seed: 1);
        var again = SyntheticFaces.Generate(1000, 2, 2, seed: 1);
        data.Templates.Values.SequenceEqual(again.Templates.Values).ShouldBeTrue();

        var genuine = Enumerable.Range(0, 1000).Select(p => DotKernel.Dot(data.Templates.Row(2 * p), data.Templates.Row(2 * p + 1))).Order().ToArray();
        genuine[500].ShouldBe(0.65f, 0.04f);
        var impostors = ImpostorPairSample.Of(data.Templates, data.Identities).Points;
        impostors[0].Score.ShouldBe(0, 0.01);
        impostors[1].Score.ShouldBe(1.28f * 0.13f, 0.02f);
        var length = DotKernel.Dot(data.Templates.Row(5), data.Templates.Row(5));
        length.ShouldBe(1, 1e-5f);
    }
}

using FaceSearch.TrainingJob.Networks;

namespace FaceSearch.TrainingJob.Tests.Networks;

/// <summary>Holds the Light CNNs to their paper, with the 256-d features it ends with; our projection to 128 is extra.</summary>
public sealed class LightCnnTableTests
{
    private const long Projection = 256 * 128 + 128;

    [Theory, InlineData("lightcnn9", "5.5M"), InlineData("lightcnn29", "12.6M")]
    public void The_published_part_reaches_its_published_total(string name, string parameters) =>
        (Published.Summary(name).Parameters - Projection).ShouldBeAsPublished(parameters, name);

    [Theory, InlineData("lightcnn9", 9), InlineData("lightcnn29", 29)]
    public void There_are_as_many_convolutions_as_the_name_says(string name, int layers) =>
        NetworkCatalogue.Find(name).Define(NetworkOptions.AsPublished).Nodes.Count(n => n.Layer is Convolution).ShouldBe(layers);

    [Theory, InlineData("lightcnn9"), InlineData("lightcnn29")]
    public void Feature_maps_shrink_as_in_the_paper(string name) =>
        Published.Summary(name).Blocks().Where(b => b.Name.StartsWith("pool", StringComparison.Ordinal)).Select(b => b.Output.ToString())
            .ShouldBe(["64x64x48", "32x32x96", "16x16x192", "8x8x128"]);
}

using FaceSearch.TrainingJob.Networks;

namespace FaceSearch.TrainingJob.Tests.Networks;

/// <summary>Holds NN1 and NN2 to tables 1 and 2 of the FaceNet paper, and the others to the totals in its text.</summary>
public sealed class FaceNetTableTests
{
    /// <summary>Layer, output, parameters, multiply-adds ("-": the cell is empty).</summary>
    private static readonly string[] Nn1 =
    [
        "conv1 110x110x64 9K 115M", "pool1 55x55x64 - -", "rnorm1 55x55x64 - -", "conv2a 55x55x64 4K 13M", "conv2 55x55x192 111K 335M",
        "rnorm2 55x55x192 - -", "pool2 28x28x192 - -", "conv3a 28x28x192 37K 29M", "conv3 28x28x384 664K 521M", "pool3 14x14x384 - -",
        "conv4a 14x14x384 148K 29M", "conv4 14x14x256 885K 173M", "conv5a 14x14x256 66K 13M", "conv5 14x14x256 590K 116M",
        "conv6a 14x14x256 66K 13M", "conv6 14x14x256 590K 116M", "pool4 7x7x256 - -", "fc1 4096 103M 103M", "fc2 4096 34M 34M", "fc7128 128 524K 0.5M",
    ];

    private static readonly string[] Nn2 =
    [
        "conv1 112x112x64 9K 119M", "pool1 56x56x64 - -", "inception2 56x56x192 115K 360M", "pool2 28x28x192 - -",
        "inception3a 28x28x256 164K 128M", "inception3b 28x28x320 228K 179M", "inception3c 14x14x640 398K 108M",
        "inception4a 14x14x640 545K 107M", "inception4b 14x14x640 595K 117M", "inception4c 14x14x640 654K 128M",
        "inception4d 14x14x640 722K 142M", "inception4e 7x7x1024 717K 56M", "inception5a 7x7x1024 1.6M 78M", "inception5b 7x7x1024 1.6M 78M",
        "pool5 1024 - -", "fc 128 131K 0.1M",
    ];

    [Fact]
    public void NN1_is_table_1_layer_by_layer() => Compare("nn1", Nn1, "140M", "1.6G");

    [Fact]
    public void NN2_is_table_2_layer_by_layer() => Compare("nn2", Nn2, "7.5M", "1.6G");

    /// <summary>NN3 is NN2 on a smaller image: the same weights, and multiply-adds between the paper's 500M and 1.6G.</summary>
    [Fact]
    public void NN3_has_the_weights_of_NN2_and_half_of_its_work()
    {
        NetworkSummary nn3 = Published.Summary("nn3");
        nn3.Input.ToString().ShouldBe("160x160x3");
        nn3.Parameters.ShouldBe(Published.Summary("nn2").Parameters);
        nn3.MultiplyAdds.ShouldBeInRange(500_000_000, 1_600_000_000);
        ((double)nn3.MultiplyAdds / Published.Summary("nn2").MultiplyAdds).ShouldBe(160 * 160 / (224.0 * 224), 0.01);
    }

    [Theory]
    [InlineData("nn4", "96x96x3", "6.6M", "285M")]
    [InlineData("nns1", "165x165x3", "26M", "220M")]
    [InlineData("nns2", "140x140x3", "4.3M", "20M")]
    public void The_smaller_networks_reach_their_published_totals(string name, string input, string parameters, string multiplyAdds)
    {
        NetworkSummary summary = Published.Summary(name);
        summary.Input.ToString().ShouldBe(input);
        summary.Parameters.ShouldBeAsPublished(parameters, $"{name} parameters");
        summary.MultiplyAdds.ShouldBeAsPublished(multiplyAdds, $"{name} multiply-adds");
    }

    [Fact]
    public void NNS2_looks_at_140_by_116() => Published.Summary("nns2").Layers[0].Output.ToString().ShouldBe("140x116x3");

    [Fact]
    public void NN4_keeps_the_5x5_convolutions_below_4e_only() =>
        Published.Summary("nn4").Layers.Where(l => l.Name.EndsWith("/5x5", StringComparison.Ordinal)).Select(l => l.Name)
            .ShouldBe(["inception3a/5x5", "inception3b/5x5", "inception3c/5x5", "inception4a/5x5", "inception4b/5x5", "inception4c/5x5", "inception4d/5x5"]);

    /// <summary>Scale and shift of a batch norm against a bias: it must not change what kind of network it is.</summary>
    [Theory, InlineData("nn1"), InlineData("nn2"), InlineData("nn4"), InlineData("nns1"), InlineData("nns2"), InlineData("lightcnn9"), InlineData("lightcnn29")]
    public void Batch_norm_changes_the_totals_by_less_than_one_percent(string name)
    {
        NetworkSummary with = NetworkSummary.Of(NetworkCatalogue.Find(name).Define(new NetworkOptions())), without = Published.Summary(name);
        ((double)with.Parameters / without.Parameters).ShouldBe(1, 0.01);
        ((double)with.MultiplyAdds / without.MultiplyAdds).ShouldBe(1, 0.01);
    }

    private static void Compare(string name, string[] table, string parameters, string multiplyAdds)
    {
        NetworkSummary summary = Published.Summary(name);
        Dictionary<string, SummaryLine> blocks = summary.Blocks().ToDictionary(b => b.Name);
        foreach (string row in table)
        {
            string[] cells = row.Split(' ');
            SummaryLine block = blocks[cells[0]];
            block.Output.ToString().ShouldBe(cells[1], cells[0]);
            Cell(block.Parameters, cells[2], $"{cells[0]} parameters");
            Cell(block.MultiplyAdds, cells[3], $"{cells[0]} multiply-adds");
        }
        blocks.Keys.ShouldBeSubsetOf([.. table.Select(r => r.Split(' ')[0]), "rnorm1", "rnorm2", "l2"]);
        summary.Parameters.ShouldBeAsPublished(parameters, $"{name} parameters");
        summary.MultiplyAdds.ShouldBeAsPublished(multiplyAdds, $"{name} multiply-adds");
    }

    private static void Cell(long actual, string printed, string what)
    {
        if (printed == "-")
            actual.ShouldBe(0, what);
        else
            actual.ShouldBeAsPublished(printed, what);
    }
}

using System.Globalization;

namespace FaceSearch.TrainingJob.Networks;

/// <summary>One line of a summary.</summary>
/// <param name="Name">A layer's, or a block's.</param>
/// <param name="Output">What it puts out.</param>
/// <param name="Parameters">Trained numbers.</param>
/// <param name="MultiplyAdds">Of one example.</param>
public sealed record SummaryLine(string Name, FeatureShape Output, long Parameters, long MultiplyAdds);

/// <summary>Counts a network's parameters and multiply-adds without building or running it.</summary>
public sealed record NetworkSummary(string Name, FeatureShape Input, IReadOnlyList<SummaryLine> Layers)
{
    /// <summary>Trained numbers in all.</summary>
    public long Parameters => Layers.Sum(l => l.Parameters);

    /// <summary>Multiply-adds of one example in all.</summary>
    public long MultiplyAdds => Layers.Sum(l => l.MultiplyAdds);

    /// <summary>Counts every layer.</summary>
    public static NetworkSummary Of(NetworkDefinition network) => new(network.Name, network.Input,
    [
        .. network.Nodes.Skip(1).Select(node =>
        {
            FeatureShape input = network.Nodes[node.Inputs[0]].Shape;
            return new SummaryLine(node.Name, node.Shape, node.Layer.Parameters(input), node.Layer.MultiplyAdds(input, node.Shape));
        }),
    ]);

    /// <summary>Layers of one block together: an Inception module, or a convolution with what follows it.</summary>
    public IReadOnlyList<SummaryLine> Blocks() =>
    [
        .. Layers.GroupBy(l => l.Name.Split('/')[0])
            .Select(block => new SummaryLine(block.Key, block.Last().Output, block.Sum(l => l.Parameters), block.Sum(l => l.MultiplyAdds))),
    ];

    /// <summary>Prints every catalogue network: name, input, embedding, parameters, multiply-adds and description.</summary>
    public static void WriteCatalogue(TextWriter writer, NetworkOptions options)
    {
        writer.WriteLine(Row("network", "input", "output", "parameters", "multiply-adds") + "  description");
        foreach (CatalogueNetwork network in NetworkCatalogue.Networks)
        {
            NetworkDefinition definition = network.Define(options);
            NetworkSummary summary = Of(definition);
            writer.WriteLine(Row(network.Name, summary.Input.ToString(), definition.Output.ToString(), Short(summary.Parameters), Short(summary.MultiplyAdds)) + "  " + network.Description);
        }
    }

    /// <summary>Prints the network block by block, and its totals.</summary>
    public void Write(TextWriter writer)
    {
        writer.WriteLine(Row("block", "", "output", "parameters", "multiply-adds"));
        foreach (SummaryLine line in Blocks())
            writer.WriteLine(Row(line.Name, "", line.Output.ToString(), Short(line.Parameters), Short(line.MultiplyAdds)));
        writer.WriteLine(Row("total", "", "", Short(Parameters), Short(MultiplyAdds)));
    }

    /// <summary>Three digits as the papers write them: 9.47K, 664K, 1.60G; nothing for zero.</summary>
    internal static string Short(long count)
    {
        (double scaled, string unit) = count switch
        {
            >= 1_000_000_000 => (count / 1e9, "G"),
            >= 1_000_000 => (count / 1e6, "M"),
            >= 1_000 => (count / 1e3, "K"),
            _ => (count, ""),
        };
        string format = unit.Length == 0 ? "0" : scaled >= 100 ? "0" : scaled >= 10 ? "0.0" : "0.00";
        return count == 0 ? "" : scaled.ToString(format, CultureInfo.InvariantCulture) + unit;
    }

    private static string Row(string name, string input, string output, string parameters, string multiplyAdds) =>
        $"{name,-12} {input,-10} {output,-12} {parameters,10} {multiplyAdds,13}";
}

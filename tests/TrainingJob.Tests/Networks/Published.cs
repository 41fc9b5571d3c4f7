using System.Globalization;
using FaceSearch.TrainingJob.Networks;

namespace FaceSearch.TrainingJob.Tests.Networks;

/// <summary>Compares counts with figures as papers print them.</summary>
internal static class Published
{
    /// <summary>Within 1 % of the printed figure, plus half a unit of its last digit, which was rounded away.</summary>
    public static void ShouldBeAsPublished(this long actual, string printed, string what)
    {
        double unit = printed[^1] switch { 'K' => 1e3, 'M' => 1e6, 'G' => 1e9, _ => 1 };
        string digits = printed.TrimEnd('K', 'M', 'G');
        double figure = double.Parse(digits, CultureInfo.InvariantCulture) * unit;
        int decimals = digits.Contains('.') ? digits.Length - digits.IndexOf('.') - 1 : 0;
        double rounding = unit * Math.Pow(10, -decimals) / 2;
        Math.Abs(actual - figure).ShouldBeLessThanOrEqualTo(rounding + 0.01 * figure, $"{what}: {actual} against the published {printed}");
    }

    public static NetworkSummary Summary(string name) => NetworkSummary.Of(NetworkCatalogue.Find(name).Define(NetworkOptions.AsPublished));
}

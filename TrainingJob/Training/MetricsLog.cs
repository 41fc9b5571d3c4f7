using System.Globalization;

namespace FaceSearch.TrainingJob.Training;

/// <summary>One line of a run's metrics.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Epoch">Epoch, from 0.</param>
/// <param name="Loss">Mean loss since the line before.</param>
/// <param name="ActiveShare">Mean share of active triplets since the line before, or null.</param>
/// <param name="Rate">Learning rate.</param>
/// <param name="Validation">Figures, on the lines that have them.</param>
public sealed record MetricsLine(long Step, int Epoch, double Loss, double? ActiveShare, double Rate, EvaluationFigures? Validation = null);

/// <summary>
/// metrics.csv of a run. Losses are written with all their digits, so that a resumed run can be compared with one that
/// was never stopped.
/// </summary>
public sealed class MetricsLog
{
    private const string Header = "step,epoch,loss,active_share,rate,pair_accuracy,tar_at_far_1e3,rank1,tpir_at_fpir_1pc";
    private readonly string _path;

    /// <summary>Opens the file; lines past <paramref name="lastStep"/>, which a killed run wrote after its checkpoint, go.</summary>
    public MetricsLog(string path, long lastStep)
    {
        _path = path;
        Lines = File.Exists(path) ? [.. File.ReadLines(path).Skip(1).Select(Parse).Where(l => l.Step <= lastStep)] : [];
        File.WriteAllLines(path, [Header, .. Lines.Select(Format)]);
    }

    /// <summary>All lines so far.</summary>
    public List<MetricsLine> Lines { get; }

    /// <summary>Adds a line, on disk at once.</summary>
    public void Add(MetricsLine line)
    {
        Lines.Add(line);
        File.AppendAllLines(_path, [Format(line)]);
    }

    private static string Format(MetricsLine l)
    {
        EvaluationFigures? v = l.Validation;
        return string.Create(CultureInfo.InvariantCulture, $"{l.Step},{l.Epoch},{l.Loss:R},{l.ActiveShare:R},{l.Rate:R},{v?.PairAccuracy:R},{v?.TarAtFar1e3:R},{v?.Rank1:R},{v?.TpirAtFpir1Percent:R}");
    }

    private static MetricsLine Parse(string line)
    {
        double?[] n = [.. line.Split(',').Select(s => s.Length == 0 ? (double?)null : double.Parse(s, CultureInfo.InvariantCulture))];
        EvaluationFigures? validation = n[5] is { } accuracy ? new EvaluationFigures(0, 0, accuracy, n[6]!.Value, n[7]!.Value, n[8]!.Value) : null;
        return new MetricsLine((long)n[0]!.Value, (int)n[1]!.Value, n[2]!.Value, n[3], n[4]!.Value, validation);
    }
}

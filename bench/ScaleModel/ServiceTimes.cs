using System.Globalization;

namespace FaceSearch.ScaleModel;

/// <summary>How long one shard's search keeps one core busy, seconds.</summary>
internal abstract class ServiceTimes
{
    public abstract string Description { get; }

    public abstract double Mean { get; }

    public abstract double Draw(RandomSource random);

    /// <summary>The same with a constant added: what a call of a shard costs besides the search.</summary>
    public ServiceTimes Plus(double seconds) => seconds == 0 ? this : new LongerTimes(this, seconds);

    /// <summary>Times as they were measured: a CSV with a column <c>latency_us</c>, drawn from with replacement.</summary>
    /// <exception cref="InvalidDataException">There is no such column, or a value is not a positive number.</exception>
    public static ServiceTimes Measured(string file) => new MeasuredTimes(LatencyFile.Read(file), Path.GetFileName(file));

    /// <summary>The lognormal distribution that has this median and 99th percentile.</summary>
    public static ServiceTimes Fitted(double p50, double p99) => new LognormalTimes(p50, Math.Log(p99 / p50) / 2.3263478740408408);

    public static ServiceTimes Exponential(double mean) => new ExponentialTimes(mean);

    public static ServiceTimes Constant(double value) => new ConstantTimes(value);

    private sealed class LongerTimes(ServiceTimes inner, double seconds) : ServiceTimes
    {
        public override string Description => string.Create(CultureInfo.InvariantCulture, $"{inner.Description}, and {seconds * 1e6:0} us a call");

        public override double Mean => inner.Mean + seconds;

        public override double Draw(RandomSource random) => inner.Draw(random) + seconds;
    }

    private sealed class MeasuredTimes(double[] seconds, string name) : ServiceTimes
    {
        public override string Description => $"{seconds.Length:N0} measured ({name})";

        public override double Mean { get; } = seconds.Average();

        public override double Draw(RandomSource random) => seconds[random.Below(seconds.Length)];
    }

    private sealed class LognormalTimes(double median, double sigma) : ServiceTimes
    {
        public override string Description => string.Create(CultureInfo.InvariantCulture, $"lognormal, median {median * 1e6:0} us, sigma {sigma:0.000}");

        public override double Mean { get; } = median * Math.Exp(sigma * sigma / 2);

        public override double Draw(RandomSource random) => median * Math.Exp(sigma * random.Normal());
    }

    private sealed class ExponentialTimes(double mean) : ServiceTimes
    {
        public override string Description => "exponential";

        public override double Mean => mean;

        public override double Draw(RandomSource random) => random.Exponential(mean);
    }

    private sealed class ConstantTimes(double value) : ServiceTimes
    {
        public override string Description => "constant";

        public override double Mean => value;

        public override double Draw(RandomSource random) => value;
    }
}

/// <summary>A CSV of latencies: lines that begin with # are remarks, the header names the columns, such as <c>latency_us</c>.</summary>
internal static class LatencyFile
{
    public const string Column = "latency_us";

    /// <summary>One column, in seconds.</summary>
    public static double[] Read(string file, string name = Column)
    {
        string[] lines = [.. File.ReadLines(file).Where(l => l.Length > 0 && l[0] != '#')];
        int column = lines.Length == 0 ? -1 : Array.IndexOf(lines[0].Split(','), name);
        if (column < 0 || lines.Length < 2)
            throw new InvalidDataException($"{file} has no column {name} with values.");
        return [.. lines.Skip(1).Select(line => Value(file, line.Split(',')[column]))];
    }

    public static void Write(string file, IEnumerable<string> remarks, IEnumerable<double> seconds)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        File.WriteAllLines(file, [.. remarks.Select(r => "# " + r), Column, .. seconds.Select(s => (s * 1e6).ToString("0.0", CultureInfo.InvariantCulture))]);
    }

    private static double Value(string file, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0 && double.IsFinite(value)
            ? value * 1e-6 : throw new InvalidDataException($"{file}: '{text}' is not a positive number of microseconds.");
}

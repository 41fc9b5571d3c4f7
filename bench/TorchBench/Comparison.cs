using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace FaceSearch.TorchBench;

/// <summary>Runs both sides in turns, checks that they train the same thing, and prints medians.</summary>
internal static class Comparison
{
    public sealed record Settings(string Network, int Identities, int Images, int Steps, int Rounds, int Threads, string Python, string Layout);

    private sealed record Turn(double ImagesPerSecond, double ImagesPerProcessorSecond, double[] Losses);

    public static int Run(Settings s)
    {
        string folder = Directory.CreateTempSubdirectory("facesearch-torchbench-").FullName;
        try
        {
            Workload.Write(folder, new Workload.Options(s.Network, s.Identities, s.Images, s.Threads, Workload.LearningRate, Workload.Margin));
            using Process ours = Start(Environment.ProcessPath!, [.. OwnAssembly(), "worker", folder]);
            using Process theirs = Start(s.Python, [Path.Combine(AppContext.BaseDirectory, "pytorch_worker.py"), folder, s.Layout]);
            try
            {
                return Compare(s, ours, theirs);
            }
            finally
            {
                ours.Kill();
                theirs.Kill();
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int Compare(Settings s, Process ours, Process theirs)
    {
        Console.WriteLine($"{s.Network}, batch {s.Identities} x {s.Images}, {s.Threads} threads, AdaGrad; PyTorch {Line(theirs).Split(' ')[1]}, {s.Layout}; {Line(ours)}");
        int batch = s.Identities * s.Images;
        double difference = WarmUp(s, ours, theirs, batch);
        List<(Turn Ours, Turn Theirs)> rounds = [];
        for (int round = 0; round < s.Rounds; round++)
        {
            // Who begins alternates, so that a slow drift of the machine favours neither.
            Turn? first = round % 2 == 0 ? null : Take(theirs, s.Steps, batch);
            Turn mine = Take(ours, s.Steps, batch);
            rounds.Add((mine, first ?? Take(theirs, s.Steps, batch)));
            Console.WriteLine(Format($"round {round + 1}: ours {mine.ImagesPerSecond:F1} images/s ({mine.ImagesPerProcessorSecond:F1} per processor second), PyTorch {rounds[^1].Theirs.ImagesPerSecond:F1} ({rounds[^1].Theirs.ImagesPerProcessorSecond:F1})"));
        }
        Console.WriteLine(Format($"first loss differs by {difference:E1}"));
        Report("images/s", t => t.ImagesPerSecond);
        Report("images per processor second", t => t.ImagesPerProcessorSecond);
        return 0;

        void Report(string what, Func<Turn, double> figure) => Console.WriteLine(Format(
            $"{what}: ours {Median(rounds.Select(r => figure(r.Ours))):F1}, PyTorch {Median(rounds.Select(r => figure(r.Theirs))):F1}, median of the rounds' ratios {Median(rounds.Select(r => figure(r.Ours) / figure(r.Theirs))):F3}"));
    }

    /// <summary>One turn of each untimed; the very first losses must agree, since weights and batch are the same.</summary>
    private static double WarmUp(Settings s, Process ours, Process theirs, int batch)
    {
        Turn mine = Take(ours, s.Steps, batch), other = Take(theirs, s.Steps, batch);
        double difference = Math.Abs(mine.Losses[0] - other.Losses[0]);
        if (difference > 1e-3)
            throw new InvalidOperationException(Format($"The sides do not train the same network: first losses {mine.Losses[0]} and {other.Losses[0]}."));
        return difference;
    }

    private static Turn Take(Process side, int steps, int batch)
    {
        side.StandardInput.WriteLine(steps.ToString(CultureInfo.InvariantCulture));
        side.StandardInput.Flush();
        double[] figures = [.. Line(side).Split(' ').Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
        return new Turn(steps * batch / figures[0], steps * batch / figures[1], figures[2..]);
    }

    private static Process Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, StandardInputEncoding = new UTF8Encoding(false) };
        return Process.Start(start)!;
    }

    /// <summary>Under `dotnet X.dll` the program is dotnet and its first argument the assembly.</summary>
    private static string[] OwnAssembly() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(Comparison).Assembly.Location] : [];

    private static string Line(Process side) => side.StandardOutput.ReadLine() ?? throw new InvalidOperationException("A side ended early; see its message above.");

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

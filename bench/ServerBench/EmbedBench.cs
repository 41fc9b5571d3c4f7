using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using FaceSearch.Http;
using FaceSearch.Vision;

namespace FaceSearch.ServerBench;

/// <summary>Images enrolled over HTTP beside a bare loop that calls the same two ONNX sessions; rounds take turns.</summary>
internal static class EmbedBench
{
    private const string Gallery = "photos";
    private const double Share = 0.85;
    private const int BatchOfBareLoop = 4;

    public static async Task RunAsync(BenchSettings settings, Report report, CancellationToken cancellation)
    {
        report.Heading("Images: enrolment over HTTP beside a bare loop of the two networks");
        LfwSet lfw = new(settings.Data);
        string[] files = lfw.Images();
        int step = Math.Max(1, files.Length / settings.Images);
        byte[][] images = [.. files.Where((_, i) => i % step == 0).Take(settings.Images).Select(File.ReadAllBytes)];
        InstalledModel embedder = lfw.Models.Find(ModelKind.Embedder) ?? throw new ModelException($"No embedder in '{lfw.Models.Folder}'.");
        using var bare = new BareLoop(lfw.Detector(), embedder, embedder.Manifest.MirrorAndSum ? 2 * BatchOfBareLoop : BatchOfBareLoop);
        await using Server server = await Server.StartAsync(settings, lfw.Models.Folder, cancellation);
        await server.Client.CreateGalleryAsync(Gallery, new GalleryRequest(), cancellation);

        await EnrolAsync(server, images, -1, cancellation);
        Loop(bare, images.Length);
        List<(double Wall, double Cpu)> http = [], loop = [];
        long enrolled = 0;
        for (int round = 0; round < settings.Rounds; round++)
        {
            // Either may come first, so that neither always profits from what the other left in the caches.
            if (round % 2 == 0)
                loop.Add(Loop(bare, images.Length));
            (double wall, double cpu, BulkSummary summary) = await EnrolAsync(server, images, round, cancellation);
            http.Add((wall, cpu));
            enrolled += summary.Templates;
            if (round % 2 == 1)
                loop.Add(Loop(bare, images.Length));
        }

        double Ratio(Func<(double Wall, double Cpu), double> of) => Report.Median(http.Zip(loop, (h, l) => of(l) / of(h)));
        double ratio = Ratio(r => r.Wall);
        report.Line($"{images.Length} LFW images a round, {settings.Rounds} rounds, {100.0 * enrolled / (settings.Rounds * images.Length):F1} % enrolled (the rest is below the quality policy); load average {Report.LoadAverage()}.");
        report.Line("");
        report.Line("| | bare loop | over HTTP | median ratio |");
        report.Line("|---|---|---|---|");
        report.Line(FormattableString.Invariant($"| images/s | {images.Length / Report.Median(loop.Select(r => r.Wall)):F1} | {images.Length / Report.Median(http.Select(r => r.Wall)):F1} | {ratio:F3} |"));
        report.Line(FormattableString.Invariant($"| CPU ms an image (HTTP: client and server) | {1000 * Report.Median(loop.Select(r => r.Cpu)) / images.Length:F2} | {1000 * Report.Median(http.Select(r => r.Cpu)) / images.Length:F2} | {Ratio(r => r.Cpu):F3} |"));
        report.Line("");
        report.Rule($"images/s over HTTP >= {Share:0%} of the bare loop's", ratio >= Share);
    }

    private static async Task<(double Wall, double Cpu, BulkSummary Summary)> EnrolAsync(Server server, byte[][] images, int round, CancellationToken cancellation)
    {
        string operation = string.Create(CultureInfo.InvariantCulture, $"round-{round}");
        using MultipartFormDataContent form = [];
        for (int i = 0; i < images.Length; i++)
        {
            ByteArrayContent file = new(images[i]);
            file.Headers.ContentType = new MediaTypeHeaderValue("image/jpeg");
            form.Add(file, "file", $"r{round}-{i}/1.jpg");
        }
        form.Headers.Add(HttpApi.OperationHeader, operation);
        using var self = Process.GetCurrentProcess();
        TimeSpan cpu = self.TotalProcessorTime + server.Process.ProcessorTime;
        long start = Stopwatch.GetTimestamp();
        BulkSummary summary = await server.Client.BulkAsync(Gallery, form, cancellation, "?faces=central&onConflict=allow");
        double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        self.Refresh();
        return (wall, (self.TotalProcessorTime + server.Process.ProcessorTime - cpu).TotalSeconds, summary);
    }

    private static (double Wall, double Cpu) Loop(BareLoop bare, int images)
    {
        using var self = Process.GetCurrentProcess();
        TimeSpan cpu = self.TotalProcessorTime;
        int threads = Environment.ProcessorCount;
        long start = Stopwatch.GetTimestamp();
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(t => new Thread(() => bare.Run(images * t / threads, images * (t + 1) / threads, BatchOfBareLoop)))];
        foreach (Thread worker in workers)
            worker.Start();
        foreach (Thread worker in workers)
            worker.Join();
        double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        self.Refresh();
        return (wall, (self.TotalProcessorTime - cpu).TotalSeconds);
    }
}

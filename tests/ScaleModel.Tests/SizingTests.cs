using FaceSearch.ScaleModel;

namespace FaceSearch.ScaleModel.Tests;

public sealed class SizingTests
{
    private static readonly HostKind Kind = new(Cores: 10, MemoryGib: 110, OtherGib: 10, FillShare: 0.5, TargetUtilisation: 0.5, PricePerGib: 2, PricePerCore: 20);

    [Fact]
    public void Memory_decides_where_little_is_asked()
    {
        Sizing sizing = Sizing.Of(1L << 30, 1 << 20, 200, 1e-3, 0.1, 1, Kind);
        sizing.Shards.ShouldBe(1024);
        sizing.MemoryGib.ShouldBe(200, 1e-9);
        (sizing.ForMemory, sizing.ForWork, sizing.Hosts).ShouldBe((4, 1, 4));
        sizing.MonthlyCost.ShouldBe(4 * ((10 * 20) + (110 * 2)));
    }

    [Fact]
    public void Work_decides_where_much_is_asked_and_replicas_share_it()
    {
        // 1,000 shards of 1 ms at 50 queries a second: 50 cores, 10 hosts half used.
        Sizing.Of(1_000_000, 1_000, 100, 1e-3, 50, 1, Kind).Hosts.ShouldBe(10);
        Sizing.Of(1_000_000, 1_000, 100, 1e-3, 50, 2, Kind).Hosts.ShouldBe(10);
    }

    [Fact]
    public void The_committed_tables_of_the_index_benchmark_are_read()
    {
        string folder = Path.Combine(Root(), "bench", "results", "AMD-EPYC-family-25-model-17");
        SearchPoint point = BenchTables.Search(folder, 1_000_000).Single(p => p.Ef == 512);
        point.P50.ShouldBeInRange(100e-6, 5e-3);
        point.P99.ShouldBeGreaterThan(point.P50);
        BenchTables.Memory(folder, 1_000_000).Keys.ShouldBe(["f32 kept", "f32 mapped", "codes only"]);
    }

    [Theory]
    [InlineData("latency_us", 430e-6, true)]
    [InlineData("search_us", 430e-6, true)]
    [InlineData("latency_us", 0, false)]
    public void The_committed_measurement_of_three_silos_agrees_with_the_model_if_calls_cost_what_was_measured(string column, double call, bool agrees)
    {
        string folder = Path.Combine(Root(), "bench", "results", "scale", "measured-3-silos");
        ClusterModel model = new()
        {
            Shards = 8,
            Hosts = 3,
            Cores = 2,
            Rate = 50,
            Service = ServiceTimes.Measured(Path.Combine(folder, "shard.csv")).Plus(call),
            Hop = 100e-6,
            HopJitter = 100e-6,
            MergePerShard = 2e-6,
        };
        Commands.Compare(Path.Combine(folder, "identify.csv"), column, model, threads: 2, count: 20_000, tolerance: 1.5, seed: 1).ShouldBe(agrees ? 0 : 1);
    }

    [Fact]
    public void A_latency_file_is_read_as_it_was_written_and_a_bad_one_is_refused()
    {
        string file = Path.GetTempFileName();
        try
        {
            LatencyFile.Write(file, ["a remark"], [0.001, 0.0025]);
            LatencyFile.Read(file).ShouldBe([0.001, 0.0025], 1e-12);
            File.WriteAllText(file, "latency_us,search_us\n1000,2500\n");
            LatencyFile.Read(file, "search_us").ShouldBe([0.0025], 1e-12);
            File.WriteAllText(file, "latency_us\n-1\n");
            Should.Throw<InvalidDataException>(() => LatencyFile.Read(file));
            File.WriteAllText(file, "other\n1\n");
            Should.Throw<InvalidDataException>(() => LatencyFile.Read(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_fitted_distribution_has_the_median_and_the_99th_percentile_it_was_given()
    {
        RandomSource random = new(1);
        ServiceTimes times = ServiceTimes.Fitted(0.001, 0.002);
        double[] drawn = [.. Enumerable.Range(0, 200_000).Select(_ => times.Draw(random)).Order()];
        Quantiles.Of(drawn, 0.5).ShouldBe(0.001, 1e-5);
        Quantiles.Of(drawn, 0.99).ShouldBe(0.002, 4e-5);
        drawn.Average().ShouldBe(times.Mean, 1e-5);
    }

    private static string Root()
    {
        DirectoryInfo folder = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "FaceSearch.sln")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}

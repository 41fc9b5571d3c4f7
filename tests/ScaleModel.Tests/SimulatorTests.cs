using FaceSearch.ScaleModel;

namespace FaceSearch.ScaleModel.Tests;

/// <summary>The simulator against queueing theory. Intervals are of 99.9 % by batch means; seeds are fixed, so a test passes always or never.</summary>
public sealed class SimulatorTests
{
    private const double Mean = 0.001;

    [Theory, InlineData(4), InlineData(32)]
    public void The_slowest_of_many_idle_hosts_is_the_largest_of_as_many_exponentials(int hosts)
    {
        ClusterModel model = Model() with { Shards = hosts, Hosts = hosts, Cores = 4, Rate = 0.5 };
        SimulationResult result = Simulator.Run(model, 20_000, 1);
        ShouldHold(result.Latencies, Analytic.MeanOfMax(hosts, Mean));
        result.Quantile(0.5).ShouldBe(Analytic.QuantileOfMax(hosts, Mean, 0.5), 0.02 * Mean * 2);
        result.Quantile(0.99).ShouldBe(Analytic.QuantileOfMax(hosts, Mean, 0.99), 0.15 * Mean * 2);
    }

    [Theory, InlineData(1, 0.5), InlineData(4, 0.8), InlineData(16, 0.9)]
    public void The_wait_for_a_core_is_that_of_M_M_c(int cores, double load)
    {
        double rate = load * cores / Mean;
        SimulationResult result = Simulator.Run(Model() with { Cores = cores, Rate = rate }, 800_000, 2);
        ShouldHold(result.Waits, Analytic.WaitMmc(cores, rate, Mean));
        ShouldHold([.. result.Waits.Select(w => w > 0 ? 1.0 : 0)], Analytic.ErlangC(cores, rate * Mean));
    }

    [Fact]
    public void The_wait_with_constant_searches_is_that_of_Pollaczek_and_Khinchine()
    {
        SimulationResult result = Simulator.Run(Model() with { Service = ServiceTimes.Constant(Mean), Rate = 800 }, 200_000, 3);
        ShouldHold(result.Waits, Analytic.WaitMg1(800, Mean, Mean * Mean));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void All_shards_of_one_core_are_one_long_search_to_the_queue(bool asProcess)
    {
        // Five exponential searches in a row: Erlang of order 5, mean 5 m, mean square 30 m².
        ClusterModel model = Model() with { Shards = 5, Rate = 120 };
        model.Utilisation.ShouldBe(0.6, 1e-9);
        double[] latencies = asProcess ? SharedMachine.Run(model, 1, 200_000, 4) : Simulator.Run(model, 200_000, 4).Latencies;
        ShouldHold(latencies, Analytic.WaitMg1(120, 5 * Mean, 30 * Mean * Mean) + (5 * Mean));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Searches_that_share_one_core_by_time_slices_take_as_long_as_in_M_G_1_with_processor_sharing_whatever_their_distribution(bool constant)
    {
        ClusterModel model = Model() with { Rate = 600, Service = constant ? ServiceTimes.Constant(Mean) : ServiceTimes.Exponential(Mean) };
        SharedMachine.Utilisation(model).ShouldBe(0.6, 1e-9);
        ShouldHold(SharedMachine.Run(model, 1_000, 400_000, 10), Mean / (1 - 0.6));
    }

    [Fact]
    public void Processes_of_an_idle_machine_keep_all_its_cores_busy_until_the_last_search()
    {
        // 3 + 3 + 2 searches in processes of 2 threads: six at a third of two cores each, then the other two.
        ClusterModel model = Model() with { Shards = 8, Hosts = 3, Cores = 2, Rate = 0.5, Service = ServiceTimes.Constant(Mean) };
        SharedMachine.Run(model, 2, 100, 11).ShouldAllBe(l => Math.Abs(l - (4 * Mean)) < 1e-9);
    }

    [Fact]
    public void A_machine_that_is_asked_for_more_than_it_can_do_is_refused() =>
        Should.Throw<ArgumentException>(() => SharedMachine.Run(Model() with { Rate = 1_001 }, 2, 100, 1));

    [Fact]
    public void A_hedged_search_is_the_shorter_of_one_and_a_later_other()
    {
        // Survival: e^(-t) to the patience d, then e^(-(2t - d)).
        const double patience = Mean;
        SimulationResult result = Simulator.Run(Model() with { Cores = 8, Rate = 1, Replicas = 2, HedgeAfter = patience }, 60_000, 5);
        ShouldHold(result.Latencies, Mean * (1 - Math.Exp(-1) + (0.5 * Math.Exp(-1))));
        result.HedgedShare.ShouldBe(Math.Exp(-1), 0.01);
        result.Quantile(0.99).ShouldBe((patience - (Mean * Math.Log(0.01))) / 2, 0.1 * Mean);
    }

    [Fact]
    public void A_slow_host_is_slow_for_all_of_its_searches_at_once()
    {
        // Queries seldom overlap, and then find cores free: none waits. In a slow spell all 16 searches of a query are slow.
        ClusterModel model = Model() with { Shards = 16, Cores = 64, Rate = 0.1, Service = ServiceTimes.Constant(Mean), SlowShare = 0.2, SlowFactor = 3 };
        double[] latencies = Simulator.Run(model, 20_000, 6).Latencies;
        latencies.ShouldAllBe(l => Math.Abs(l - Mean) < 1e-9 || Math.Abs(l - (3 * Mean)) < 1e-9);
        ShouldHold(latencies, Mean * ((0.8 * 1) + (0.2 * 3)));
    }

    [Fact]
    public void The_same_seed_gives_the_same_latencies_and_another_seed_others()
    {
        ClusterModel model = Model() with { Shards = 12, Hosts = 3, Cores = 2, Rate = 200, Hop = 1e-4, HopJitter = 1e-4, Replicas = 2, HedgeAfter = 0.003, SlowShare = 0.05, SlowFactor = 4 };
        double[] first = Simulator.Run(model, 2_000, 7).Latencies;
        Simulator.Run(model, 2_000, 7).Latencies.ShouldBe(first);
        Simulator.Run(model, 2_000, 8).Latencies.ShouldNotBe(first);
    }

    [Fact]
    public void Hops_and_merging_are_added()
    {
        ClusterModel model = Model() with { Service = ServiceTimes.Constant(Mean), Rate = 0.5, Hop = 2e-4, MergePerShard = 1e-5 };
        Simulator.Run(model, 100, 9).Latencies.ShouldAllBe(l => Math.Abs(l - (Mean + 4e-4 + 1e-5)) < 1e-9);
    }

    [Fact]
    public void A_cluster_that_is_asked_for_more_than_it_can_do_is_refused() =>
        Should.Throw<ArgumentException>(() => Simulator.Run(Model() with { Rate = 1_001 }, 100, 1));

    private static ClusterModel Model() => new() { Shards = 1, Hosts = 1, Cores = 1, Rate = 1, Service = ServiceTimes.Exponential(Mean) };

    /// <summary>The expected mean lies in the 99.9 % interval of the values' mean, and that interval is narrow enough to mean something.</summary>
    private static void ShouldHold(double[] values, double expected)
    {
        const int batches = 40;
        const double student = 3.558; // t of 39 degrees of freedom, 99.95 %
        double[] means = [.. values.Chunk(values.Length / batches).Take(batches).Select(b => b.Average())];
        double mean = means.Average(), half = student * Math.Sqrt(means.Sum(m => (m - mean) * (m - mean)) / (batches - 1) / batches);
        mean.ShouldBe(expected, half);
        half.ShouldBeLessThan(0.12 * expected);
    }
}

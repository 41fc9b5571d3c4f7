using System.CommandLine;
using FaceSearch.ScaleModel;

var templates = new Option<int>("--templates") { Description = "Templates of the shard.", DefaultValueFactory = _ => 100_000 };
var queries = new Option<int>("--queries") { Description = "Queries.", DefaultValueFactory = _ => 2_000 };
var ef = new Option<int>("--ef") { Description = "Beam of the graph walk; 0: exact scan, as a shard below 150,000 templates does.", DefaultValueFactory = _ => 0 };
var rounds = new Option<int>("--rounds") { Description = "Times each query is timed; the least counts.", DefaultValueFactory = _ => 5 };
var output = new Option<string>("--out") { Description = "File or folder to write.", Required = true };
var seed = new Option<ulong>("--seed") { DefaultValueFactory = _ => 1 };

var measure = new Command("measure", "Time one shard's searches with this repository's index; writes a CSV.") { templates, queries, ef, rounds, output, seed };
measure.SetAction(r => Commands.Measure(r.GetValue(templates), r.GetValue(queries), r.GetValue(ef), r.GetValue(rounds), r.GetValue(output)!, r.GetValue(seed)));

var tables = new Option<string>("--tables") { Description = "Folder of bench/IndexBench's tables.", DefaultValueFactory = _ => "bench/results/AMD-EPYC-family-25-model-17" };
var latencies = new Option<string>("--latencies") { Description = "CSV of one shard's latencies (measure).", DefaultValueFactory = _ => "bench/results/scale/shard-100000-exact.csv" };
var call = new Option<double>("--call-us") { Description = "What a call of a shard costs a core besides the search, us (430: bench/results/cluster.md).", DefaultValueFactory = _ => 430 };
var hop = new Option<double>("--hop-us") { Description = "Network, one way, us.", DefaultValueFactory = _ => 100 };
var jitter = new Option<double>("--hop-jitter-us") { Description = "Mean of its exponential part, us.", DefaultValueFactory = _ => 100 };
var slowShare = new Option<double>("--slow-share") { Description = "Share of the time that a host is slow.", DefaultValueFactory = _ => 0.01 };
var slowFactor = new Option<double>("--slow-factor") { Description = "How much slower.", DefaultValueFactory = _ => 3 };
var slowSpell = new Option<double>("--slow-spell-ms") { Description = "Mean length of a slow spell, ms.", DefaultValueFactory = _ => 200 };
var merge = new Option<double>("--merge-us") { Description = "Merging of one shard's answer, us.", DefaultValueFactory = _ => 2 };
var cores = new Option<int>("--cores") { Description = "Cores of a host.", DefaultValueFactory = _ => 32 };
var rate = new Option<double>("--rate") { Description = "Queries a second.", DefaultValueFactory = _ => 20 };
var count = new Option<int>("--simulate") { Description = "Queries to simulate.", DefaultValueFactory = _ => 20_000 };
var memory = new Option<double>("--memory-gib") { Description = "Memory of a host.", DefaultValueFactory = _ => 256 };
var other = new Option<double>("--other-gib") { Description = "Of it not for shards.", DefaultValueFactory = _ => 16 };
var fill = new Option<double>("--fill") { Description = "Share of the rest that shards may fill.", DefaultValueFactory = _ => 0.7 };
var utilisation = new Option<double>("--utilisation") { Description = "Share of the cores' time that searches may use.", DefaultValueFactory = _ => 0.5 };
var perGib = new Option<double>("--price-gib") { Description = "Price of a GiB of memory a month.", DefaultValueFactory = _ => 3 };
var perCore = new Option<double>("--price-core") { Description = "Price of a core a month.", DefaultValueFactory = _ => 25 };

Assumptions Assumed(ParseResult r) => new(
    r.GetValue(call) * 1e-6, r.GetValue(hop) * 1e-6, r.GetValue(jitter) * 1e-6, r.GetValue(slowShare), r.GetValue(slowFactor), r.GetValue(slowSpell) * 1e-3, r.GetValue(merge) * 1e-6);

var model = new Command("model", "Memory, hosts, cost and tail latency up to 1,000,000,000 templates: tables and plots.")
    { tables, latencies, call, hop, jitter, slowShare, slowFactor, slowSpell, merge, cores, rate, count, memory, other, fill, utilisation, perGib, perCore, output, seed };
model.SetAction(r => Report.Write(new ReportInput(
    r.GetValue(tables)!, r.GetValue(latencies)!, Assumed(r),
    new HostKind(r.GetValue(cores), r.GetValue(memory), r.GetValue(other), r.GetValue(fill), r.GetValue(utilisation), r.GetValue(perGib), r.GetValue(perCore)),
    r.GetValue(rate), r.GetValue(count), r.GetValue(output)!, r.GetValue(seed))));

var measured = new Option<string>("--measured") { Description = "CSV of latencies of a real cluster (column latency_us).", Required = true };
var column = new Option<string>("--column") { Description = "Its column: latency_us, or search_us for the grain calls alone, without HTTP and gateway, which are not in the model.", DefaultValueFactory = _ => LatencyFile.Column };
var shards = new Option<int>("--shards") { DefaultValueFactory = _ => 3 };
var hosts = new Option<int>("--hosts") { DefaultValueFactory = _ => 3 };
var oneMachine = new Option<bool>("--one-machine") { Description = "The hosts are processes of one machine and share its cores by time slices; no slow spells." };
var threads = new Option<int>("--threads") { Description = "With --one-machine: search threads of a process.", DefaultValueFactory = _ => 2 };
var tolerance = new Option<double>("--tolerance") { Description = "Factor by which p50 and p99 may differ.", DefaultValueFactory = _ => 1.5 };
var compare = new Command("compare", "Set the model beside a measured cluster; exit code 1 if p50 or p99 differ by more than the tolerance.")
    { measured, column, latencies, shards, hosts, oneMachine, threads, cores, rate, call, hop, jitter, slowShare, slowFactor, slowSpell, merge, count, tolerance, seed };
compare.SetAction(r => Commands.Compare(
    r.GetValue(measured)!, r.GetValue(column)!,
    Assumed(r).Apply(new ClusterModel { Shards = r.GetValue(shards), Hosts = r.GetValue(hosts), Cores = r.GetValue(cores), Rate = r.GetValue(rate), Service = ServiceTimes.Measured(r.GetValue(latencies)!) }),
    r.GetValue(oneMachine) ? r.GetValue(threads) : null, r.GetValue(count), r.GetValue(tolerance), r.GetValue(seed)));

return new RootCommand("What a cluster of many shards would need and how it would answer: see docs/scale.md.") { measure, model, compare }.Parse(args).Invoke();

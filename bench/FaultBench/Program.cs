using System.CommandLine;
using FaceSearch.FaultBench;
using FaceSearch.FaultBench.Scenarios;

Scenario[] scenarios = [new KillScenario(), new PauseScenario(), new PartitionScenario(), new MembershipScenario(), new UpgradeScenario(), new SlowScenario(), new OverloadScenario(),
    SuiteScenario.Broker, SuiteScenario.Messages, SuiteScenario.Storage, DiskScenario.Embedded, DiskScenario.Postgres];

var dose = new Option<string>("--dose") { Description = "short: a few minutes in all; long: the doses of the table in docs/reliability.md (hours).", DefaultValueFactory = _ => "short" };
dose.AcceptOnlyFromAmong("short", "long");
var untimed = new Option<bool>("--untimed") { Description = "Report times and do not judge them: for a machine that is busy with other work." };
var only = new Option<string?>("--only") { Description = $"Scenarios, with commas between them: {string.Join(", ", scenarios.Select(s => s.Name))}. Default: all." };
var rounds = new Option<int?>("--rounds") { Description = "Another dose: rounds, seconds or operations, as the scenario counts." };
var minutes = new Option<double?>("--minutes") { Description = "Begin no further round of a scenario after so many minutes; the dose that was run is reported." };
var rate = new Option<double>("--rate") { Description = "Operations a second of the clients.", DefaultValueFactory = _ => 15 };
var seed = new Option<int>("--seed") { Description = "Of every choice.", DefaultValueFactory = _ => 20261128 };
var silo = new Option<FileInfo?>("--silo") { Description = "FaceSearch.Silo.dll to test (default: the Release build of this checkout)." };
var before = new Option<DirectoryInfo?>("--before") { Description = "Folder with FaceSearch.Silo.dll of another version, which 'upgrade' begins with and goes back to." };
var output = new Option<DirectoryInfo?>("--out") { Description = "Where the results go (default: bench/results/faults of this checkout)." };
var work = new Option<DirectoryInfo>("--work") { Description = "Where clusters keep their data meanwhile: real disks are slower and more honest than memory.", DefaultValueFactory = _ => new(Path.GetTempPath()) };
var keep = new Option<bool>("--keep-logs") { Description = "Leave the servers' logs in the work folder; after a failure they always stay." };

RootCommand root = new("""
    Breaks a real cluster and checks that it keeps its promises.

    Each scenario starts PostgreSQL, three silos and two gateways as processes, sends enrolments, erasures and identifications through the gateways,
    does the damage, and holds every answer against a ledger of what was acknowledged, refused and unknown. Results: one JSON file a scenario and a table.

      bash bench/run-faults.sh                                        all, short doses
      bash bench/run-faults.sh --only kill --rounds 10                ten kills
      bash bench/run-faults.sh --dose long --minutes 60               the long doses, an hour each at most
      bash bench/run-faults.sh --only upgrade --before-ref v1.0       builds that commit; a cluster goes from it to this checkout and back

    'partition' needs root and network namespaces, 'upgrade' needs --before or --before-ref; they are skipped with a reason without. Exit code: 1 if a scenario failed.
    """) { dose, untimed, only, rounds, minutes, rate, seed, silo, before, output, work, keep };
root.SetAction((r, cancellation) => Bench.RunAsync(scenarios, new BenchOptions(r.GetValue(dose) == "long", r.GetValue(untimed), r.GetValue(only)?.Split(','), r.GetValue(rounds), r.GetValue(minutes), r.GetValue(rate),
    r.GetValue(seed), r.GetValue(silo), r.GetValue(before), r.GetValue(output), r.GetValue(work)!, r.GetValue(keep)), args));
return await root.Parse(args).InvokeAsync();

using System.CommandLine;
using FaceSearch.ServerBench;
using FaceSearch.ServerBench.Cluster;

if (args is [EmptyHost.Verb, var url])
    return await EmptyHost.RunAsync(url);

var silo = new Option<FileInfo?>("--silo") { Description = "The server's FaceSearch.Silo.dll (default: the Release build of this checkout, which building this project also builds)." };
var data = new Option<DirectoryInfo>("--data") { Description = "Folder with models/ and faces/lfw/, for 'embed' (default: FACESEARCH_DATA, else shared/data beside or above).", DefaultValueFactory = _ => new(LfwSet.DefaultData()) };
var work = new Option<DirectoryInfo>("--work") { Description = "Where the server's data folders are made, and removed again: use the kind of disk you want measured.", DefaultValueFactory = _ => new(Path.GetTempPath()) };
var report = new Option<FileInfo?>("--report") { Description = "Also write the report, as Markdown, to this file." };
var serverLog = new Option<bool>("--server-log") { Description = "Show the server's own log lines." };
var templates = new Option<int>("--templates") { Description = "bulk: templates enrolled with onConflict=allow.", DefaultValueFactory = _ => 100_000 };
var reported = new Option<int>("--reported") { Description = "bulk: templates enrolled with onConflict=report (one search each).", DefaultValueFactory = _ => 20_000 };
var streams = new Option<int>("--streams") { Description = "Bulk streams at once.", DefaultValueFactory = _ => 1 };
var people = new Option<int>("--people") { Description = "identify: identities in the gallery.", DefaultValueFactory = _ => 100_000 };
var requests = new Option<int>("--requests") { Description = "identify: requests one after another, interleaved with as many to the empty endpoint.", DefaultValueFactory = _ => 10_000 };
var rate = new Option<int>("--rate") { Description = "identify: requests a second of the open loop.", DefaultValueFactory = _ => 500 };
var seconds = new Option<int>("--seconds") { Description = "identify: length of the open loop.", DefaultValueFactory = _ => 30 };
var restart = new Option<int>("--restart-templates") { Description = "restart: templates in the gallery when the server is killed.", DefaultValueFactory = _ => 1_000_000 };
var images = new Option<int>("--images") { Description = "embed: LFW images a round.", DefaultValueFactory = _ => 80 };
var rounds = new Option<int>("--rounds") { Description = "embed: rounds, interleaved with the bare loop; medians are reported.", DefaultValueFactory = _ => 9 };

var identities = new Option<int>("--identities") { Description = "Identities in the gallery, one template each.", DefaultValueFactory = _ => 1_000_000 };
var inTurn = new Option<int>("--requests") { Description = "Requests one after another, of each kind.", DefaultValueFactory = _ => 2_000 };
var traced = new Option<int>("--traced") { Description = "Requests whose traces are read, of each door.", DefaultValueFactory = _ => 200 };
var arrivals = new Option<double>("--rate") { Description = "Requests a second of the open loop, at random times.", DefaultValueFactory = _ => 50 };
var length = new Option<int>("--seconds") { Description = "Length of the open loop.", DefaultValueFactory = _ => 60 };
var scale = new Option<DirectoryInfo?>("--scale") { Description = "Folder for the open loop's latencies, which bench/ScaleModel is compared with (default: not kept)." };

Func<ParseResult, BenchSettings> read = r => new(r.GetValue(silo), r.GetValue(data)!, r.GetValue(work)!, r.GetValue(serverLog), r.GetValue(templates), r.GetValue(reported),
    r.GetValue(streams), r.GetValue(people), r.GetValue(requests), r.GetValue(rate), r.GetValue(seconds), r.GetValue(restart), r.GetValue(images), r.GetValue(rounds));

Command Part(string name, string description, IReadOnlyList<Option> own, params Func<BenchSettings, Report, CancellationToken, Task>[] parts)
{
    var command = new Command(name, description);
    foreach (Option option in (IEnumerable<Option>)[silo, work, report, serverLog, .. own])
        command.Options.Add(option);
    command.SetAction((r, cancellation) => Report.RunAsync(read(r), r.GetValue(report), parts, cancellation));
    return command;
}

var cluster = new Command("cluster", "Identify by embedding on 1 and on 3 silos over one PostgreSQL, beside the same indexes in this process; where the time goes.")
    { silo, work, report, identities, inTurn, traced, arrivals, length, scale };
cluster.SetAction((r, cancellation) => Report.RunAsync(read(r), r.GetValue(report),
    [(_, into, token) => ClusterBench.RunAsync(new ClusterSettings(Server.Program(r.GetValue(silo)), r.GetValue(work)!, r.GetValue(identities), r.GetValue(inTurn), r.GetValue(traced),
        r.GetValue(arrivals), r.GetValue(length), r.GetValue(scale)), into, token)], cancellation,
    "Cluster: measured", $"dotnet run -c Release --project bench/ServerBench -- {string.Join(' ', args)}"));

Option[] bulkOptions = [templates, reported, streams], identifyOptions = [people, requests, rate, seconds, streams], restartOptions = [restart, streams], embedOptions = [data, images, rounds];
return await new RootCommand("""
    Measures the whole server over HTTP: starts the built silo as a process on a free port with a data folder of its own, loads it, and prints Markdown.

    Every part states its rule and whether it was met. Client and server share the machine's cores. Where the machine is also shared with other work, run it
    as 'nice -n -10 dotnet run ...' and read the ratios and the processor time a request, which suffer least. 'all' takes about ten minutes on two quiet cores:

      dotnet run -c Release --project bench/ServerBench -- all --report bench/results/server.md
      dotnet run -c Release --project bench/ServerBench -- identify --people 10000 --seconds 5
      dotnet run -c Release --project bench/ServerBench -- cluster --identities 20000 --seconds 10
    """)
{
    Part("bulk", "Durable templates/s of bulk enrolment of ready embeddings.", bulkOptions, BulkBench.RunAsync),
    Part("identify", "Latency of identify by embedding, beside an empty endpoint that makes one grain call, and under an open loop.", identifyOptions, IdentifyBench.RunAsync),
    Part("restart", "Time from the start after kill -9 to the first right answer.", restartOptions, RestartBench.RunAsync),
    Part("embed", "Images/s enrolled over HTTP, beside a bare loop of the same two ONNX sessions.", embedOptions, EmbedBench.RunAsync),
    Part("all", "bulk, identify, embed and restart.", [.. bulkOptions.Union(identifyOptions).Union(restartOptions), .. embedOptions], BulkBench.RunAsync, IdentifyBench.RunAsync, EmbedBench.RunAsync, RestartBench.RunAsync),
    cluster,
}.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(2) });

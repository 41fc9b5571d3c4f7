using System.CommandLine;
using FaceSearch.Vision;
using FaceSearch.VisionBench;

var data = new Option<DirectoryInfo>("--data")
{
    Description = "Folder with models/ and faces/lfw/ (default: FACESEARCH_DATA, else shared/data beside or above the current folder).",
    DefaultValueFactory = _ => new DirectoryInfo(LfwSet.DefaultData()),
};
var threads = new Option<int>("--threads") { Description = "Concurrent callers.", DefaultValueFactory = _ => Environment.ProcessorCount };
var images = new Option<int>("--images") { Description = "LFW images per round.", DefaultValueFactory = _ => 80 };
var rounds = new Option<int>("--rounds") { Description = "Interleaved rounds; medians are reported.", DefaultValueFactory = _ => 15 };
var batch = new Option<int>("--batch") { Description = "Crops per embedder run.", DefaultValueFactory = _ => 4 };
var mirror = new Option<bool>("--mirror") { Description = "Embed crop and mirror image and sum them (the catalogue's default).", DefaultValueFactory = _ => true };

var rate = new Command("rate", "Images/s of the whole pipeline beside a bare loop that calls the same two ONNX sessions.") { data, threads, images, rounds, batch, mirror };
rate.SetAction(r => RateBenchmark.Run(new LfwSet(r.GetValue(data)!), r.GetValue(threads), r.GetValue(images), r.GetValue(rounds), r.GetValue(batch), r.GetValue(mirror)));

var identify = new Command("identify", "1:N on LFW: rank-1, rank-5, TPIR at FPIR 10 % and 1 %, impostor operating points.") { data, threads };
identify.SetAction(r => OneToNBenchmark.Run(new LfwSet(r.GetValue(data)!), r.GetValue(threads)));

var sessions = new Command("sessions", "Sweeps session threads and batch sizes of the embedder and the detector.") { data };
sessions.SetAction(r => SessionSweep.Run(new ModelStore(Path.Combine(r.GetValue(data)!.FullName, "models"))));

var quality = new Command("quality", "Percentiles of each quality measure over LFW, and what the default policy rejects.") { data, threads };
quality.SetAction(r => QualityReport.Run(new LfwSet(r.GetValue(data)!), r.GetValue(threads)));

return new RootCommand("FaceSearch vision benchmarks.") { rate, identify, quality, sessions }.Parse(args).Invoke();

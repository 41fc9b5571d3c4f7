using System.CommandLine;
using FaceSearch.CalibrationBench;

var data = new Option<DirectoryInfo?>("--data") { Description = "Data folder that holds embeddings/ and protocols/; default: FACESEARCH_DATA, else ../shared/data." };
var source = new Option<string>("--source") { Description = "lfw (real embeddings) or synthetic (face-like).", DefaultValueFactory = _ => "lfw" };
source.AcceptOnlyFromAmong("lfw", "synthetic");
var people = new Option<int>("--people") { Description = "People to synthesise.", DefaultValueFactory = _ => 14_000 };
var sizes = new Option<int[]>("--sizes") { Description = "Gallery sizes, people.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [50, 200, 1000, 2300] };
var splits = new Option<int>("--splits") { Description = "Random splits into enrolled people and strangers.", DefaultValueFactory = _ => 100 };
var target = new Option<double>("--target") { Description = "Target FPIR.", DefaultValueFactory = _ => 0.01 };
var gallery = new Option<string>("--gallery") { Description = "Templates enrolled of each person: first or all.", DefaultValueFactory = _ => "first" };
gallery.AcceptOnlyFromAmong("first", "all");
var strangers = new Option<string>("--strangers") { Description = "Strangers searched: half (half of all people) or same (as many as are enrolled).", DefaultValueFactory = _ => "half" };
strangers.AcceptOnlyFromAmong("half", "same");
var prior = new Option<string>("--prior") { Description = "measured (on these people), generic (by dimension), or wrong (measured, x 1.2 + 0.03).", DefaultValueFactory = _ => "measured" };
prior.AcceptOnlyFromAmong("measured", "generic", "wrong");
var only = new Option<string?>("--only") { Description = "Only estimators whose name contains this text." };
var seed = new Option<int>("--seed") { DefaultValueFactory = _ => 1 };

var calibrate = new Command("calibrate", "Realised FPIR of strangers over random splits, by estimator and gallery size.")
    { data, source, people, sizes, splits, target, gallery, strangers, prior, only, seed };
calibrate.SetAction(r => Report.Calibration(new CalibrationOptions(
    Sources.Load(r.GetValue(source)!, r.GetValue(data), r.GetValue(people), r.GetValue(seed)), r.GetValue(sizes)!, r.GetValue(splits),
    r.GetValue(target), r.GetValue(gallery) == "all", r.GetValue(strangers) == "same", r.GetValue(prior)!, r.GetValue(only), r.GetValue(seed))));

var metrics = new Command("metrics", "The LFW protocols on ready embeddings: ten folds, rank-k, TPIR at FPIR.") { data, seed };
metrics.SetAction(r => Report.Metrics(Sources.FindData(r.GetValue(data)), r.GetValue(seed)));

var margin = new Command("margin", "How often a margin flags a true match, and a person enrolled twice, as ambiguous.") { data, source, people, seed };
margin.SetAction(r => Report.Margin(Sources.Load(r.GetValue(source)!, r.GetValue(data), r.GetValue(people), r.GetValue(seed))));

var measure = new Command("prior", "A model's impostor prior, measured on one template a person.") { data, source, people, seed };
measure.SetAction(r => Report.Prior(Sources.Load(r.GetValue(source)!, r.GetValue(data), r.GetValue(people), r.GetValue(seed))));

return new RootCommand("Threshold calibration measured: see docs/calibration.md.") { calibrate, metrics, margin, measure }.Parse(args).Invoke();

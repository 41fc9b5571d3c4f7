using System.CommandLine;
using FaceSearch.TorchBench;

var network = new Option<string>("--network") { DefaultValueFactory = _ => "nn4", Description = "Network of `trainingjob networks`." };
var identities = new Option<int>("--identities") { DefaultValueFactory = _ => 8, Description = "Identities a batch." };
var images = new Option<int>("--images") { DefaultValueFactory = _ => 4, Description = "Images of each." };
var steps = new Option<int>("--steps") { DefaultValueFactory = _ => 4, Description = "Steps of one side before the other's turn." };
var rounds = new Option<int>("--rounds") { DefaultValueFactory = _ => 7, Description = "Turns of each side, after one for warming up." };
var threads = new Option<int>("--threads") { DefaultValueFactory = _ => 2, Description = "Threads of either side." };
var python = new Option<string>("--python") { DefaultValueFactory = _ => "/usr/bin/python3", Description = "A Python that has PyTorch." };
var layout = new Option<string>("--layout") { DefaultValueFactory = _ => "planes", Description = "PyTorch's memory layout: planes (its default) or channels-last (what ours uses)." };
var folder = new Argument<string>("folder") { Description = "Where the driver put network, weights and batches." };

var worker = new Command("worker", "Our side: one command a line on standard input.") { folder };
worker.SetAction(parse => OurWorker.Run(parse.GetValue(folder)!));

var root = new RootCommand("The same network, weights, batches and optimiser trained by our loop and by PyTorch's own, in turns.")
{
    network, identities, images, steps, rounds, threads, python, layout, worker,
};
root.SetAction(parse => Comparison.Run(new Comparison.Settings(
    parse.GetValue(network)!, parse.GetValue(identities), parse.GetValue(images), parse.GetValue(steps), parse.GetValue(rounds), parse.GetValue(threads), parse.GetValue(python)!, parse.GetValue(layout)!)));
return root.Parse(args).Invoke();

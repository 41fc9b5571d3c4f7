"""PyTorch's side of the comparison: the same layers from workload.json, an ordinary training loop, the same protocol."""
import json
import os
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional as F


def module_of(node, channels, length):
    """The module of a layer, or None for one without weights."""
    kind, layer = node["kind"], node["layer"]
    if kind == "Convolution":
        padding = layer["Padding"] if layer["Padding"] is not None else layer["Kernel"] // 2
        return nn.Conv2d(channels, layer["Channels"], layer["Kernel"], layer["Stride"], padding, groups=layer["Groups"], bias=layer["Bias"])
    if kind == "FullyConnected":
        return nn.Linear(length, layer["Length"], bias=layer["Bias"])
    if kind == "BatchNorm":
        return nn.BatchNorm2d(channels)
    return None


class Graph(nn.Module):
    def __init__(self, nodes):
        super().__init__()
        self.nodes = nodes
        self.parts = nn.ModuleDict()
        self.last_reader = {}
        for index, node in enumerate(nodes[1:], 1):
            first = nodes[node["inputs"][0]]
            part = module_of(node, first["channels"], first["length"])
            if part is not None:
                self.parts[str(index)] = part
            for read in node["inputs"]:
                self.last_reader[read] = index

    def forward(self, images):
        values = {0: images}
        for index, node in enumerate(self.nodes[1:], 1):
            inputs = [values[i] for i in node["inputs"]]
            for read in node["inputs"]:
                if self.last_reader[read] == index:
                    values.pop(read, None)
            values[index] = self.layer(index, node["kind"], node["layer"], inputs)
        return values[len(self.nodes) - 1]

    def layer(self, index, kind, layer, inputs):
        x = inputs[0]
        if kind in ("Convolution", "BatchNorm"):
            return self.parts[str(index)](x)
        if kind == "FullyConnected":
            return self.parts[str(index)](x.flatten(1))
        if kind == "Relu":
            return F.relu(x, inplace=True)
        if kind == "MaxPool":
            return F.max_pool2d(x, layer["Kernel"], layer["Stride"], layer["Padding"])
        if kind == "L2Pool":
            return (F.avg_pool2d(x.square(), layer["Kernel"], layer["Stride"], layer["Padding"]) + 1e-6).sqrt()
        if kind == "GlobalAveragePool":
            return x.mean((2, 3))
        if kind == "Concatenation":
            return torch.cat(inputs, 1)
        if kind == "L2Normalise":
            return F.normalize(x)
        raise NotImplementedError(kind)


def semi_hard_loss(embeddings, same, eye, margin):
    """Every anchor-positive pair with its nearest negative beyond the positive and inside the margin."""
    squares = embeddings.square().sum(1, keepdim=True)
    distances = (squares + squares.t() - 2 * embeddings @ embeddings.t()).clamp_min(0)
    positive, negative = distances.detach().unsqueeze(2), distances.detach().unsqueeze(1)
    eligible = (negative > positive) & (negative < positive + margin) & ~same.unsqueeze(1)
    nearest, chosen = torch.where(eligible, negative, torch.tensor(float("inf"))).min(2)
    pairs = same & ~eye & nearest.isfinite()
    anchors, positives = pairs.nonzero(as_tuple=True)
    if anchors.numel() == 0:
        return (embeddings * 0).sum()
    losses = (distances[anchors, positives] - distances[anchors, chosen[anchors, positives]] + margin).relu()
    return losses.sum() / (losses > 0).sum().clamp_min(1)


def main(folder, channels_last):
    with open(os.path.join(folder, "workload.json"), encoding="utf-8") as file:
        workload = json.load(file)
    options = workload["options"]
    torch.set_num_threads(options["Threads"])
    network = Graph(workload["nodes"])
    weights = numpy.fromfile(os.path.join(folder, "weights.bin"), dtype="<f4")
    at = 0
    parameters = list(network.parameters())
    assert [list(p.shape) for p in parameters] == [p["shape"] for p in workload["parameters"]]
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(torch.from_numpy(weights[at:at + parameter.numel()].reshape(parameter.shape)))
            at += parameter.numel()
    network.train()
    optimiser = torch.optim.Adagrad(network.parameters(), lr=options["LearningRate"])
    count = options["Identities"] * options["Images"]
    batches = torch.from_numpy(numpy.fromfile(os.path.join(folder, "batches.bin"), dtype="<f4"))
    side = int(round((batches.numel() / (4 * count * 3)) ** 0.5))
    batches = list(batches.view(4, count, 3, side, side))
    if channels_last:
        batches = [b.contiguous(memory_format=torch.channels_last) for b in batches]
        network = network.to(memory_format=torch.channels_last)
    identities = torch.arange(count) // options["Images"]
    same, eye = identities.unsqueeze(0) == identities.unsqueeze(1), torch.eye(count, dtype=torch.bool)

    print("ready", torch.__version__, flush=True)
    step = 0
    for line in sys.stdin:
        losses = []
        processor, clock = time.process_time(), time.perf_counter()
        for _ in range(int(line)):
            optimiser.zero_grad(set_to_none=True)
            loss = semi_hard_loss(network(batches[step % 4]), same, eye, options["Margin"])
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            step += 1
        seconds, used = time.perf_counter() - clock, time.process_time() - processor
        print(" ".join(repr(v) for v in [seconds, used, *losses]), flush=True)


main(sys.argv[1], sys.argv[2] == "channels-last")

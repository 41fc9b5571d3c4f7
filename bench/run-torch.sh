#!/bin/bash
# Trains the same network by our loop and by PyTorch's (Debian's python3-torch, installed where it is missing), in turns:
# once against PyTorch as it comes, once with its tensors in the memory layout that ours uses.
#   bench/run-torch.sh [options of TorchBench, such as --rounds 9 --threads 1]
set -euo pipefail
cd "$(dirname "$0")/.."
if ! /usr/bin/python3 -c 'import torch, numpy' 2>/dev/null; then
  apt-get update -q
  apt-get install -y -q --no-install-recommends python3-torch python3-numpy libopenblas0-pthread
fi
dotnet build -c Release -v quiet bench/TorchBench
for layout in planes channels-last; do
  dotnet bench/TorchBench/bin/Release/net10.0/FaceSearch.TorchBench.dll --layout "$layout" "$@"
done

#!/bin/bash
# Breaks a real cluster in every way of docs/reliability.md and writes bench/results/faults. All options: --help
#   bash bench/run-faults.sh [--dose short|long] [--only kill,partition,...]
set -eu
cd "$(dirname "$0")/.."
dotnet build -c Release --nologo -v quiet bench/FaultBench
exec dotnet bench/FaultBench/bin/Release/net10.0/FaceSearch.FaultBench.dll "$@"

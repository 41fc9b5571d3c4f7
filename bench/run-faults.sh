#!/bin/bash
# Breaks a real cluster in every way of docs/reliability.md and writes bench/results/faults. All options: --help
#   bash bench/run-faults.sh [--dose short|long] [--only kill,partition,...]
#   bash bench/run-faults.sh --only upgrade --before-ref REF     REF: the commit of the version before; it is built in a temporary worktree
set -eu
cd "$(dirname "$0")/.."
ref="" arguments=()
while [ $# -gt 0 ]; do
    case "$1" in
        --before-ref) ref=${2:?--before-ref needs a commit}; shift 2 ;;
        --before-ref=*) ref=${1#*=}; shift ;;
        *) arguments+=("$1"); shift ;;
    esac
done
dotnet build -c Release --nologo -v quiet bench/FaultBench
program=bench/FaultBench/bin/Release/net10.0/FaceSearch.FaultBench.dll
[ -n "$ref" ] || exec dotnet "$program" ${arguments[@]+"${arguments[@]}"}

commit=$(git rev-parse --verify --quiet "$ref^{commit}") || { echo "There is no commit '$ref'." >&2; exit 2; }
folder=$(mktemp -d)
clean() {
    git worktree remove --force "$folder/source" 2>/dev/null || true
    rm -rf "$folder"
}
trap clean EXIT
git worktree add --quiet --detach "$folder/source" "$commit"
dotnet build -c Release --nologo -v quiet "$folder/source/Silo"
dotnet "$program" ${arguments[@]+"${arguments[@]}"} --before "$folder/source/Silo/bin/Release/net10.0"

#!/bin/sh
# Installs the peers (Debian; with OpenBLAS, without which faiss and scikit-learn crawl on the reference BLAS), compiles hnswlib's header for this processor, and runs the bench:
#   bench/run-index.sh all | all --size 1000000 | search --data real | --help
set -eu
cd "$(dirname "$0")/.."
out=bench/IndexBench/bin/Release/net10.0

missing=""
for package in libhnswlib-dev g++ python3-faiss python3-sklearn libopenblas0-pthread util-linux; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
if [ -n "$missing" ]; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  # shellcheck disable=SC2086
  $sudo apt-get install -y -qq --no-install-recommends $missing
fi

dotnet build -c Release -v quiet --nologo bench/IndexBench/IndexBench.csproj
driver=bench/IndexBench/peers/hnswlib_driver.cpp
if [ ! -x "$out/peers/hnswlib_driver" ] || [ "$driver" -nt "$out/peers/hnswlib_driver" ]; then
  g++ -O3 -march=native -std=c++17 -w "$driver" -o "$out/peers/hnswlib_driver" -lpthread
fi
exec "$out/FaceSearch.IndexBench" "$@"

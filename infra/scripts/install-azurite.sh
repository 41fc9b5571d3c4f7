#!/bin/sh
# Installs Azurite, the storage emulator that the tests of Storage/Azure talk to, where they look for it
# (FACESEARCH_AZURITE, else ~/.cache/facesearch/azurite). Needs npm and Node.js 20 or later.
set -eu
target="${FACESEARCH_AZURITE:-$HOME/.cache/facesearch/azurite}"
mkdir -p "$target"
npm install --prefix "$target" --no-audit --no-fund azurite@3.37.0
test -f "$target/node_modules/azurite/dist/src/azurite.js"

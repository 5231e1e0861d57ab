#!/usr/bin/env bash
# Writes requirements/*.txt anew: every package below our pins, with the hashes of all its files, for all Pythons we run on.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9
lock() {
    "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command "make lock" "${@:2}" setup.cfg --output-file "requirements/$1.txt"
}
lock run
lock test --extra test
# What only `make bench` needs is installed beside the rest, and is no extra: nothing of ours imports it.
echo py-spy==0.4.1 | "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-annotate --custom-compile-command "make lock" - --output-file requirements/bench.txt

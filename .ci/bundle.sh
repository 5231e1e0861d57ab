#!/usr/bin/env bash
# build/bundle: everything to install this version without a network, on this platform and this minor version of Python.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
bundle=build/bundle
rm -rf build  # also what an earlier build left: it would go into the wheel
mkdir -p "$bundle/wheels"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$python" -m venv "$tools/build"
"$tools/build/bin/pip" wheel --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt \
    --wheel-dir "$bundle/wheels"
"$tools/build/bin/pip" wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$bundle/wheels" .

# The bill of materials describes what is in the bundle: it is taken from an environment installed from it alone.
"$python" -m venv "$tools/run"
"$tools/run/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-index \
    --find-links "$bundle/wheels" fldm-gateway
"$tools/build/bin/pip" install --quiet --disable-pip-version-check --no-compile cyclonedx-bom==7.5.0
"$tools/build/bin/cyclonedx-py" environment "$tools/run/bin/python" --output-reproducible \
    --output-file "$bundle/sbom.cdx.json"

cat > "$bundle/install.sh" <<'INSTALL'
#!/bin/sh
# sh install.sh FOLDER: checks the bundle's hashes and installs into FOLDER, a new virtual environment. No network.
set -eu
target=${1:?usage: sh install.sh FOLDER}
cd "$(dirname "$0")"
sha256sum --quiet --check SHA256SUMS
case $target in /*) ;; *) target=$OLDPWD/$target ;; esac
"${PYTHON:-python3}" -m venv "$target"
"$target/bin/pip" install --quiet --disable-pip-version-check --no-index --find-links wheels fldm-gateway
"$target/bin/gateway" --version
INSTALL
(cd "$bundle" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs sha256sum > SHA256SUMS)
tar -C build -czf "build/fldm-gateway-bundle.tar.gz" bundle
echo "build/fldm-gateway-bundle.tar.gz: $(find "$bundle/wheels" -name '*.whl' | wc -l) wheels; SHA256 $(sha256sum build/fldm-gateway-bundle.tar.gz | cut -d' ' -f1)"

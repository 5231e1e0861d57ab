#!/usr/bin/env bash
# Installs the foreign programs of `make interop`: Debian packages, and npm packages into .foreign. Safe to repeat,
# and quick when everything is there already.
set -euo pipefail
cd "$(dirname "$0")"
PATH="$PATH:/usr/sbin:/sbin" # where Debian has servers

packages=()
need() { # command package: what is there already, from wherever, is taken as it is
    command -v "$1" >/dev/null || packages+=("$2")
}
need xmllint libxml2-utils
need xmlsec1 xmlsec1
need javac default-jdk-headless
need strace strace
need node nodejs
need npm npm
need g++ g++
need wsdl mono-devel
need mcs mono-mcs
need soapcpp2 gsoap
need openssl openssl
need curl curl
need chromium chromium
need soffice libreoffice-calc-nogui
need nginx nginx-light
need haproxy haproxy
need sslscan sslscan
need systemd-analyze systemd
need promtool prometheus
need unshare util-linux
need ip iproute2
for package in php-cli php-soap php-xml libjaxws-java libaxis-java python3-suds python3-xmlsec python3-lxml \
    libgsoap-dev libssl-dev zlib1g-dev pkg-config \
    libxmlsec1-dev libxmlsec1-openssl libsoap-lite-perl liblwp-protocol-https-perl libxml-libxml-perl libcryptx-perl \
    libmono-system-web-services4.0-cil libmono-system-web-extensions4.0-cil; do
    dpkg -s "$package" >/dev/null 2>&1 || packages+=("$package")
done

if ((${#packages[@]})); then
    echo "interop: installing ${packages[*]}"
    if ((EUID)) && ! sudo -n true 2>/dev/null; then
        echo "interop: not root, and no sudo without a password: install these packages first" >&2
        exit 1
    fi
    root=()
    ((EUID)) && root=(sudo -n)
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    # RUNLEVEL: no service is started by being installed.
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -qq --yes --no-install-recommends "${packages[@]}" >/dev/null
fi

mkdir -p .foreign
if ! cmp -s foreign/package-lock.json .foreign/package-lock.installed; then
    cp foreign/package.json foreign/package-lock.json .foreign/
    npm ci --prefix .foreign --ignore-scripts --no-audit --no-fund --loglevel=error
    cp foreign/package-lock.json .foreign/package-lock.installed
fi

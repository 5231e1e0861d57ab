"""OpenSSL's own settings: suites and groups of TLS 1.3, which Python cannot choose, come from an OPENSSL_CONF.

OpenSSL reads that file once, when it is first used in a process. So `gateway serve` writes one, replaces itself by a
new start that has it from the beginning, and proves afterwards that it holds (`tls.prove`). What the operator's own
file says beside it (providers, FIPS, engines) stays in force: ours includes it and adds to its sections.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gateway.errors import SettingsError
from gateway.exchange.allowed import GROUPS, SIGNATURES, SUITES
from gateway.exchange.hello import TLS13, offered_groups

STARTED = "GATEWAY_OPENSSL_STARTED"
"""In the environment of a process that was started with our OPENSSL_CONF."""

_CHAIN = (("default", "openssl_conf"), ("openssl_conf", "ssl_conf"), ("ssl_conf", "system_default"))
_OURS = {"openssl_conf": "gateway_init", "ssl_conf": "gateway_ssl", "system_default": "gateway_tls"}
_SECTION = re.compile(r"\[\s*([^\]\s]+)\s*\]")
_INCLUDE = re.compile(r"\.include\s*=?\s*(.+)")
_SETTING = re.compile(r"(?:([^\s=:]+)::)?([^\s=:]+)\s*=\s*(.*)")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_PATH = re.compile(r"[^\s\"'#$\\]+")
_MOST_INCLUDES = 50


def enforce() -> None:
    """OpenSSL of this process has our settings; for that the process starts itself anew, once, under the same number.

    SettingsError if the operator's own OPENSSL_CONF cannot be read or built upon. That the settings took effect is not
    known from here: `tls.prove` finds out.
    """
    if STARTED in os.environ:
        return
    text = compose(_operators_file(os.environ), groups())
    if not sys.executable:
        raise SettingsError("TLS: the Python interpreter cannot be found to start anew with OPENSSL_CONF")
    environment = {**os.environ, STARTED: "1", "OPENSSL_CONF": _written(text)}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - ourselves, no shell


def groups() -> list[str]:
    """The names of GROUPS that this OpenSSL, with the operator's settings, has itself on offer."""
    found = []
    for number, name in GROUPS.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        if not name.endswith("tls13"):
            context.maximum_version = ssl.TLSVersion.TLSv1_2  # Brainpool's first numbers are not for TLS 1.3
        outgoing = ssl.MemoryBIO()
        try:
            context.set_ecdh_curve({"secp256r1": "prime256v1"}.get(name, name))
            context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
        except ssl.SSLWantReadError:
            if number in offered_groups(outgoing.read()):
                found.append(name)
        except (ssl.SSLError, ValueError):
            continue
    return found


def compose(original: Path | None, groups: Sequence[str]) -> str:
    """An OPENSSL_CONF with TR-02102-2 as the default of all TLS contexts, built upon the file `original`.

    SettingsError if that file is unreadable, or names the sections to build upon in a way that is not understood.
    """
    names = dict(_OURS)
    lines = ["# Written by gateway serve: BSI TR-02102-2 for every TLS context of the process."]
    if original is not None:
        found = _Settings(original)
        section = "default"
        for _, key in _CHAIN:
            name = found.get(section, key)
            if name is None:
                break
            section = names[key] = name
        lines.append(f".include {original}")
    for (parent, key), name in zip(_CHAIN, names.values(), strict=True):
        lines += [f"[{names.get(parent, parent)}]", f"{key} = {name}"]
    return "\n".join([*lines, f"[{names['system_default']}]", *_policy(groups), ""])


def _policy(groups: Sequence[str]) -> Iterator[str]:
    yield "MinProtocol = TLSv1.2"
    yield f"Ciphersuites = {':'.join(SUITES[TLS13].values())}"
    yield f"Groups = {':'.join(groups)}"
    yield f"SignatureAlgorithms = {':'.join(SIGNATURES)}"
    yield f"ClientSignatureAlgorithms = {':'.join(SIGNATURES)}"


def _operators_file(environment: Mapping[str, str]) -> Path | None:
    """The OPENSSL_CONF of the operator, else the one OpenSSL was built with, if it is there."""
    if told := environment.get("OPENSSL_CONF"):
        return Path(told).absolute()
    default = Path(ssl.get_default_verify_paths().openssl_cafile).parent / "openssl.cnf"
    return default if default.is_file() else None


def _written(text: str) -> str:
    """A path under which the text can be read by this process as long as it lives, and by no other."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("gateway-openssl.cnf", 0)  # no MFD_CLOEXEC: the new start inherits it
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp(prefix="gateway-openssl-", suffix=".cnf")
    os.write(descriptor, text.encode())
    return path


class _Settings:
    """What an OpenSSL configuration says, as far as needed: name by section (config(5)); the last one counts."""

    def __init__(self, path: Path) -> None:
        self._values: dict[tuple[str, str], str] = {}
        self._section = "default"
        self._files = 0
        self._read(path)

    def get(self, section: str, key: str) -> str | None:
        """The name a setting has for its value; SettingsError if the value is anything but a plain name."""
        value = self._values.get((section, key))
        if value is not None and not _NAME.fullmatch(value):
            raise SettingsError(f"OPENSSL_CONF: {key} in section {section} is no plain name; it cannot be built upon")
        return value

    def _read(self, path: Path) -> None:
        self._files += 1
        if self._files > _MOST_INCLUDES or not _PATH.fullmatch(str(path)):
            raise SettingsError(f"OPENSSL_CONF: {path} includes too much, or its path has blanks or signs")
        try:
            text = path.read_text("utf-8", errors="replace")
        except OSError as error:
            raise SettingsError(f"OPENSSL_CONF: {path}: {error.strerror}") from error
        for line in text.replace("\\\n", "").splitlines():
            self._line(line.partition("#")[0].strip(), path)

    def _line(self, line: str, path: Path) -> None:
        if section := _SECTION.fullmatch(line):
            self._section = section[1]
        elif included := _INCLUDE.fullmatch(line):
            self._include(Path(included[1].strip().strip("\"'")), path)
        elif setting := _SETTING.fullmatch(line):
            self._values[setting[1] or self._section, setting[2]] = setting[3].strip()

    def _include(self, named: Path, path: Path) -> None:
        if "$" in str(named):
            raise SettingsError(f"OPENSSL_CONF: {path} includes a file by a variable; it cannot be built upon")
        if named.is_dir():
            for one in sorted(p for p in named.iterdir() if p.suffix in (".cnf", ".conf")):
                self._read(one)
        elif named.exists():
            self._read(named)

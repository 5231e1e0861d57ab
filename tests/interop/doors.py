"""Doors in front of a gateway: the configurations of docs/operations, run by the real programs; and a look at each."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.exchange.allowed import GROUPS
from gateway.exchange.hello import TLS13, read
from gateway.exchange.scan import Accepted, scan
from tests.interop.calling import House
from tests.ports import free_port
from tests.running import Running, installed

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
LEGACY = "include legacy.conf;"


@dataclass(frozen=True)
class Door:
    """A house behind a door: `port` is the proxy's, `behind` the gateway's own; `legacy` where old TLS is spoken."""

    house: House
    port: int
    behind: int
    legacy: int = 0

    @property
    def running(self) -> Running:
        return self.house.running

    def connections_behind(self) -> int:
        """How many connections the proxy has open to the gateway."""
        wanted = f":{self.behind:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[2].endswith(wanted) and row[3] == "01" for row in rows)


@contextmanager
def direct(folder: Path) -> Iterator[Door]:
    """The gateway itself."""
    with installed(folder / "house") as running:
        stocked(running)
        running.serve()
        yield Door(House(running), running.installation.plan.port, running.installation.plan.port)


@contextmanager
def behind(folder: Path, command: Callable[[Running, int, int], list[str]]) -> Iterator[Door]:
    """The gateway with plain HTTP on another port, and a proxy where it would have been."""
    with installed(folder / "house") as running:
        stocked(running)
        settings, port, inner, legacy = (
            running.installation.settings,
            running.installation.plan.port,
            free_port(),
            free_port(),
        )
        told = '\n[server.proxy]\naddresses = ["127.0.0.1"]\ntls = false\n'
        settings.write_text(settings.read_text("utf-8") + told, "utf-8")
        running.environment = {"GATEWAY_SERVER_PORT": str(inner)}
        with (running.folder / "proxy.log").open("ab") as log:
            proxy = subprocess.Popen(command(running, inner, legacy), stdout=log, stderr=log, start_new_session=True)
        running.children["proxy"] = proxy
        running.serve()
        yield Door(House(running), port, inner, legacy)


def nginx(running: Running, inner: int, legacy: int) -> list[str]:
    """nginx with the configuration of the documentation; only paths and addresses are another installation's."""
    folder = running.folder
    (folder / "legacy.conf").write_text(
        (OPERATIONS / "nginx-legacy.conf")
        .read_text("utf-8")
        .replace("192.0.2.10:8444", f"127.0.0.1:{legacy}")
        .replace("198.51.100.23", "127.0.0.1")
        .replace("/etc/gateway/tls/client-ca.pem", str(folder / "tls/ca.pem"))
        .replace("/etc/gateway/tls/server", str(folder / "tls/server")),
        "utf-8",
    )
    text = (OPERATIONS / "nginx.conf").read_text("utf-8")
    for here, there in {
        "/etc/gateway/tls/client-ca.pem": str(folder / "tls/ca.pem"),
        "/etc/gateway/tls/server": str(folder / "tls/server"),
        "/var/log/nginx": str(folder),
        "listen 8443 ssl": f"listen 127.0.0.1:{running.installation.plan.port} ssl",
        "server 127.0.0.1:8080;": f"server 127.0.0.1:{inner};",
        "server_tokens off;": f"server_tokens off; include {folder / 'legacy.conf'};" + temporary(folder),
    }.items():
        assert here in text, here
        text = text.replace(here, there)
    (folder / "nginx.conf").write_text(text, "utf-8")
    return [
        program("nginx"),
        "-p",
        str(folder),
        "-c",
        str(folder / "nginx.conf"),
        "-g",
        f"daemon off; pid {folder}/nginx.pid;",
    ]


def program(name: str) -> str:
    """Where a server's program is: Debian's places for them are not on every user's path."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, f"{name} is not installed"
    return found


def temporary(folder: Path) -> str:
    """nginx makes these folders even if nothing is to be written into them."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "".join(f" {kind}_temp_path {folder / 'nginx-temp'};" for kind in kinds)


def haproxy(running: Running, inner: int, _legacy: int) -> list[str]:
    """HAProxy with the configuration of the documentation."""
    folder = running.folder
    both = folder / "tls/both.pem"
    both.write_bytes((folder / "tls/server.pem").read_bytes() + (folder / "tls/server.key").read_bytes())
    text = (OPERATIONS / "haproxy.cfg").read_text("utf-8")
    for here, there in {
        "/etc/gateway/tls/client-ca.pem": str(folder / "tls/ca.pem"),
        "/etc/gateway/tls/server.pem": str(both),
        "bind :8443": f"bind 127.0.0.1:{running.installation.plan.port}",
        "server one 127.0.0.1:8080": f"server one 127.0.0.1:{inner}",
    }.items():
        assert here in text, here
        text = text.replace(here, there)
    (folder / "haproxy.cfg").write_text(text, "utf-8")
    return [program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]


def stocked(running: Running) -> None:
    running.simulate(persons=60)
    running.poll()


def scanned(port: int) -> Accepted:
    """Everything of TLS the door accepts, every number there is offered to it."""
    return scan(lambda hello: _first_flight(port, hello), usual_groups=tuple(GROUPS))


def _first_flight(port: int, hello: bytes) -> bytes:
    flight = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(hello)
        while not _ended(flight):
            piece = connection.recv(65536)
            if not piece:
                break
            flight += piece
    return flight


def _ended(flight: bytes) -> bool:
    if flight[:1] == b"\x15":
        return len(flight) >= 7
    choice = read(flight)
    return choice is not None and (choice.version == TLS13 or b"\x0e\x00\x00\x00" in flight)


def s_client(port: int, *arguments: str) -> str | None:
    """The suite that OpenSSL's own client gets with these options; None: no handshake."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=20, check=False)
    found = re.search(r"Cipher is (\S+)", done.stdout.decode(errors="replace"))
    return found[1] if found and found[1] != "(NONE)" else None


def suites_by_openssl(port: int) -> set[str]:
    """Which of all suites OpenSSL's client can offer, each alone in each version, the door takes."""
    level = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
    listed = subprocess.run(["openssl", "ciphers", "-v", level], capture_output=True, text=True, check=True).stdout
    names = [(line.split()[0], line.split()[1]) for line in listed.splitlines()]
    assert len(names) > 100
    tries = [("-tls1_3", "-ciphersuites", name) for name, version in names if version == "TLSv1.3"]
    tries += [("-tls1_3", "-ciphersuites", name) for name in ("TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256")]
    tries += [("-tls1_2", "-cipher", f"{name}:@SECLEVEL=0") for name, of in names if of != "TLSv1.3"]
    for version in ("-tls1_1", "-tls1"):
        tries += [(version, "-cipher", f"{name}:@SECLEVEL=0") for name, of in names if of not in ("TLSv1.2", "TLSv1.3")]
    with ThreadPoolExecutor(4) as pool:
        return {taken for taken in pool.map(lambda given: s_client(port, *given), tries) if taken}


def groups_by_openssl(port: int, version: str) -> set[str]:
    """Which of OpenSSL's groups, each alone, the door takes."""
    names = (
        *("P-256", "P-384", "P-521", "X25519", "X448", "secp256k1", "P-224", "P-192", "secp160r1", "sect283k1"),
        *("brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "ffdhe2048", "ffdhe3072", "ffdhe4096"),
    )
    return {name for name in names if s_client(port, version, "-groups", name)}

"""The same signed, validated answer by the gateway and by its peers, in interleaved rounds on one machine.

Every peer's answer is checked, schema, signature and persons, before it is timed.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from lxml import etree

from gateway.app import build
from gateway.settings import load as load_settings
from tests.bench.bare import bare, cpu
from tests.bench.ground import CASES, Case, Ground, first_page, ground
from tests.bench.peer import Identity, Peer, Run, build_load, check, drive, header
from tests.bench.rows import others
from tests.ports import free_port

PEERS = Path(__file__).with_name("peers")
GATEWAY, OVER_TLS = "gateway", "gateway, mTLS"
JAVA, NAIVE, NODE = "plain Java", "naive Spyne", "node soap"
CONNECTIONS = 16


@dataclass(frozen=True)
class Effort:
    """How long is measured: `rounds` of so many seconds for each peer, and what the other parts are told.

    `answers` a compiler at run time is given before; `large` is the larger stock, `day` what is lived of a day.
    """

    persons: int
    rounds: int
    seconds: float
    answers: int
    polled: int
    large: int
    day: tuple[int, float]


QUICK = Effort(persons=300, rounds=2, seconds=1.0, answers=500, polled=100, large=1000, day=(300, 0.2))
WHOLE = Effort(persons=5000, rounds=5, seconds=2.0, answers=5000, polled=1500, large=20_000, day=(5000, 24.0))


@dataclass
class Measured:
    """All rounds of one peer in one case."""

    peer: str
    case: str
    runs: list[Run] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    """Cores that strangers kept busy in each round."""

    @property
    def rate(self) -> float:
        """Median of answers per second."""
        return statistics.median(run.rate for run in self.runs)

    @property
    def cpu(self) -> float:
        """Median of the server's milliseconds of processor time for an answer."""
        return statistics.median(run.cpu for run in self.runs)


@contextmanager
def gateway(made: Ground, load: Path, *, tls: bool, application: str) -> Iterator[Peer]:
    """The server as it is shipped, one process per core; without TLS as behind a proxy on this machine."""
    certificate, key = made.installation.clients[application]
    folder = made.settings.parent
    port = made.installation.plan.port if tls else free_port()
    settings = made.settings
    if not tls:
        settings = folder / "plain.toml"
        text = made.settings.read_text("utf-8").replace(f"port = {made.installation.plan.port}", f"port = {port}")
        proxy = '[server.proxy]\naddresses = ["127.0.0.1"]\ntls = false\nheader = "X-SSL-Client-Cert"\n\n[signing.rsa'
        settings.write_text(text.replace("[signing.rsa", proxy, 1), "utf-8")
    peer = Peer(
        OVER_TLS if tls else GATEWAY,
        [sys.executable, "-m", "gateway", "serve"],
        port,
        {"GATEWAY_SETTINGS": str(settings)},
        Identity(made.installation.ca, certificate, key) if tls else None,
        {} if tls else {"X-SSL-Client-Cert": header(certificate)},
        load.with_name("gateway.log"),
    )
    with running(peer):
        yield peer


@contextmanager
def running(peer: Peer) -> Iterator[Peer]:
    """It listens inside."""
    try:
        peer.start()
        yield peer
    finally:
        peer.end()


def java(made: Ground, case: Case, page: Path, folder: Path) -> Peer:
    """The JDK alone; compiled here."""
    subprocess.run(["javac", "-d", str(folder), str(PEERS / "Peer.java")], check=True, timeout=120)
    port = free_port()
    key, certificate = made.signing(case.method)
    told = map(str, (port, made.schema(case.application), page, key, certificate, case.method))
    # Without nodelay the JDK's server waits 40 ms for an acknowledgement before each answer's body.
    command = ["java", "-Dsun.net.httpserver.nodelay=true", "-cp", str(folder), "Peer", *told]
    return Peer(JAVA, command, port, log=folder / "java.log")


def naive(made: Ground, case: Case, page: Path, folder: Path) -> Peer:
    """Spyne and signxml under the same web server as the gateway, with as many processes."""
    port = free_port()
    key, certificate = made.signing(case.method)
    environment = {
        "NAIVE_SCHEMA": str(made.schema(case.application)),
        "NAIVE_PAGE": str(page),
        "NAIVE_KEY": str(key),
        "NAIVE_CERTIFICATE": str(certificate),
        "NAIVE_METHOD": case.method,
    }
    serve = ["-k", "gthread", "-w", "2", "--threads", "8", "-b", f"127.0.0.1:{port}", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", *serve, "tests.bench.peers.naive:application"]
    return Peer(NAIVE, command, port, environment, log=folder / "naive.log")


def node(made: Ground, case: Case, page: Path, folder: Path) -> Peer | None:
    """node soap with xml-crypto; None where they are not installed (`tests/interop/install.sh`)."""
    modules = Path(__file__).parents[1] / "interop" / ".foreign"
    if shutil.which("node") is None or not (modules / "node_modules" / "xml-crypto").is_dir():
        print(f"{NODE} is not installed: it is left out", flush=True)
        return None
    port = free_port()
    wsdl = made.folder / "wsdl" / f"{case.application}-1.soap11.wsdl"
    told = (modules, port, wsdl, page, *made.signing(case.method), case.method)
    return Peer(NODE, ["node", str(PEERS / "peer.mjs"), *map(str, told)], port, log=folder / "node.log")


def measure(made: Ground, case: Case, load: Path, effort: Effort, folder: Path) -> list[Measured]:
    """All peers in one case, round by round."""
    page, body = _asked(made, case, folder)
    path = f"/soap/{case.application}/1"
    schema = etree.XMLSchema(etree.parse(made.schema(case.application)))
    certificate = x509.load_pem_x509_certificate(made.signing(case.method)[1].read_bytes())
    found: list[Measured] = []
    built = (java(made, case, page, folder), naive(made, case, page, folder), node(made, case, page, folder))
    with (
        gateway(made, load, tls=False, application=case.application) as plain,
        gateway(made, load, tls=True, application=case.application) as encrypted,
        ExitStack() as started,
    ):
        peers = (plain, encrypted, *(started.enter_context(running(peer)) for peer in built if peer is not None))
        for peer in peers:
            check(peer.ask(path, body), schema, certificate, case.persons)
            found.append(Measured(peer.name, case.name))
        for peer in peers:
            _warm(load, peer, path, body, effort)
        for _ in range(effort.rounds):
            for peer, one in zip(peers, found, strict=True):
                with others() as busy:
                    one.runs.append(drive(load, peer, path, body, connections=CONNECTIONS, seconds=effort.seconds))
                one.others.append(busy.cores)
    return found


def _warm(load: Path, peer: Peer, path: str, body: bytes, effort: Effort) -> None:
    """For a moment; what is compiled as it runs until it has answered often enough, or for long enough."""
    answers, turns = 0, {JAVA: 2 * effort.rounds, NODE: 2}.get(peer.name, 1)
    for _ in range(turns):
        answers += drive(load, peer, path, body, connections=CONNECTIONS, seconds=max(1.0, effort.seconds)).answers
        if answers >= effort.answers:
            break


def _asked(made: Ground, case: Case, folder: Path) -> tuple[Path, bytes]:
    """A file with the payload that peers answer from, and the request."""
    with build(load_settings(made.settings, {})) as app:
        payload, body = first_page(app, made, case)
    page = folder / f"{case.application}.xml"
    page.write_bytes(etree.tostring(payload))
    return page, body


def table(found: Sequence[Measured]) -> str:
    """One line for each peer and case, with the ratio to plain Java by throughput and by processor time."""
    lines = [
        "| case | peer | answers/s | CPU ms/answer | p50 ms | p99 ms | KB | x Java (answers/s) | x Java (CPU) |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in found:
        reference = next(other for other in found if other.case == one.case and other.peer == JAVA)
        p50, p99 = (statistics.median(getattr(run, name) for run in one.runs) for name in ("p50", "p99"))
        lines.append(
            f"| {one.case} | {one.peer} | {one.rate:.0f} | {one.cpu:.2f} | {p50:.1f} | {p99:.1f} "
            f"| {one.runs[0].size / 1000:.0f} | {one.rate / reference.rate:.2f} | {reference.cpu / one.cpu:.2f} |"
        )
    return "\n".join(lines)


def compare(folder: Path, effort: Effort, cases: Sequence[Case] = CASES) -> tuple[list[Measured], dict[str, float]]:
    """Every peer in every case, and what the bare signature costs here; told as it goes."""
    found: list[Measured] = []
    load = build_load(folder)
    made = ground(folder / "ground", effort.persons, tuple(dict.fromkeys(case.application for case in cases)))
    keys = [made.signing(method)[0] for method in ("rsa-sha256", "ecdsa-p256-sha256")]
    costs = bare(keys[0], keys[1], folder)
    costs["libxml2 on a page of 50: parse, validate, canonical form, ms CPU"] = _libxml2(made, cases[0], folder)
    for case in cases:
        found += measure(made, case, load, effort, folder)
        print(table([one for one in found if one.case == case.name]), flush=True)
    return found, costs


def _libxml2(made: Ground, case: Case, folder: Path) -> float:
    """Milliseconds of processor time for the payload of a page, without anything of ours."""
    octets = _asked(made, case, folder)[0].read_bytes()
    schema = etree.XMLSchema(etree.parse(made.schema(case.application)))

    def work() -> None:
        tree = etree.fromstring(octets)
        schema.assertValid(tree)
        etree.tostring(tree, method="c14n", exclusive=True)

    return cpu(work, 20)

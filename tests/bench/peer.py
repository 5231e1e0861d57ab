"""A server under load: started, checked, driven by `load`, its processor time read from /proc."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_TICK = os.sysconf("SC_CLK_TCK")
_READY_SECONDS = 60


@dataclass(frozen=True)
class Identity:
    """CA, certificate and key of a client that speaks mTLS."""

    ca: Path
    certificate: Path
    key: Path


@dataclass
class Peer:
    """One server process with its children; `identity` None: plain HTTP."""

    name: str
    command: Sequence[str]
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    identity: Identity | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    log: Path = Path(os.devnull)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """It listens; AssertionError if it ends or does not within a minute."""
        with self.log.open("ab") as log:
            environment = {**os.environ, **self.environment}
            self.process = subprocess.Popen(
                self.command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended: see {self.log}")
            with suppress(OSError):
                self._connection(5).connect()
                return
            time.sleep(0.1)
        raise AssertionError(f"{self.name} does not listen: see {self.log}")

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def ask(self, path: str, body: bytes) -> bytes:
        """One answer; AssertionError unless it is HTTP 200."""
        connection = self._connection(60)
        connection.request("POST", path, body, {"Content-Type": "text/xml; charset=utf-8", **self.headers})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        assert response.status == 200, (self.name, response.status, content[:500])
        return content

    def cpu(self) -> float:
        """Seconds of processor time of the process and all its descendants so far."""
        assert self.process is not None
        return sum(seconds(pid) for pid in family(self.process.pid))

    def memory(self) -> float:
        """MiB of proportional memory of the process and all its descendants."""
        assert self.process is not None
        return sum(_pss(pid) for pid in family(self.process.pid)) / 1024

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self.identity is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        context = ssl.create_default_context(cafile=self.identity.ca)
        context.load_cert_chain(self.identity.certificate, self.identity.key)
        return http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=context)


@dataclass(frozen=True)
class Run:
    """What one run of `load` has measured; latencies in milliseconds, `cpu` of the server in ms for each answer."""

    answers: int
    failures: int
    seconds: float
    cpu: float
    p50: float
    p90: float
    p99: float
    longest: float
    size: float
    generator: float

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


def build_load(folder: Path) -> Path:
    """The load generator, compiled."""
    source, program = Path(__file__).with_name("load.c"), folder / "load"
    subprocess.run(
        ["cc", "-O2", "-o", str(program), str(source), "-lssl", "-lcrypto", "-lpthread"], check=True, timeout=120
    )
    return program


def drive(
    load: Path,
    peer: Peer,
    path: str,
    body: bytes,
    *,
    connections: int,
    seconds: float,
    rate: float = 0,
    handshakes: bool = False,
) -> Run:
    """The peer under load; AssertionError if an answer fails."""
    lines = {"Host": "localhost", "Content-Type": "text/xml; charset=utf-8", "Content-Length": len(body)} | peer.headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    request = load.with_name(f"request-{os.getpid()}")
    request.write_bytes(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    told = ["127.0.0.1", peer.port, connections, seconds, rate, int(handshakes), request]
    if peer.identity is not None:
        told += [peer.identity.ca, peer.identity.certificate, peer.identity.key]
    before = peer.cpu()
    done = subprocess.run(
        [str(load), *map(str, told)], capture_output=True, text=True, check=True, timeout=seconds + 120
    )
    used = peer.cpu() - before
    said = json.loads(done.stdout)
    run = Run(
        answers=said["answers"],
        failures=said["failures"],
        seconds=said["seconds"],
        cpu=used * 1000 / max(1, said["answers"]),
        p50=said["p50"],
        p90=said["p90"],
        p99=said["p99"],
        longest=said["max"],
        size=said["bytes"] / max(1, said["answers"]),
        generator=said["cpu"] * 1000 / max(1, said["answers"]),
    )
    assert run.failures == 0, (peer.name, run)
    assert run.answers > 0, (peer.name, run)
    return run


def check(answer: bytes, schema: etree.XMLSchema, certificate: x509.Certificate, persons: int) -> etree._Element:
    """The payload of an answer that is whole: schema, signature over the Envelope (by signxml), number of persons."""
    expected = SignatureConfiguration(
        location=f"./{{{SOAP}}}Header/",
        signature_methods=frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.ECDSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )
    signed = XMLVerifier().verify(answer, x509_cert=certificate, expect_config=expected)
    payload = etree.fromstring(signed.signed_data).find(f"{{{SOAP}}}Body/*")
    assert payload is not None
    schema.assertValid(payload)
    found = payload.findall("{*}person")
    assert len(found) == persons, (payload.tag, len(found))
    return payload


def der(certificate: Path) -> bytes:
    """The certificate of a PEM file in DER."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)


def header(certificate: Path) -> str:
    """A client certificate as a proxy hands it on."""
    return base64.b64encode(der(certificate)).decode()


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def seconds(pid: int, *, ended: bool = False) -> float:
    """Seconds of processor time of a process; with `ended` also of its children that it has waited for."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11 : 15 if ended else 13])) / _TICK
    return 0.0


def _pss(pid: int) -> int:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 0

"""The door, bare and behind nginx and HAProxy: which TLS it speaks, whom it believes, and who can hold it up."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.exchange.hello import TLS12, TLS13
from tests.interop.calling import sample, samples
from tests.interop.doors import (
    Door,
    behind,
    direct,
    groups_by_openssl,
    haproxy,
    nginx,
    s_client,
    scanned,
    suites_by_openssl,
)
from tests.running import APPLICATIONS

SUITES = {
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
}
NIST = {"P-256", "P-384", "P-521"}
BRAINPOOL = {"brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"}


@pytest.fixture(scope="module", params=["bare", "nginx", "haproxy"])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A gateway with a stock behind each of the doors."""
    folder = tmp_path_factory.mktemp(request.param)
    opened = (
        direct(folder)
        if request.param == "bare"
        else behind(folder, {"nginx": nginx, "haproxy": haproxy}[request.param])
    )
    with opened as found:
        yield found


def behind_proxies(test: object) -> object:
    """Runs a test for nginx and HAProxy only."""
    return pytest.mark.parametrize("door", ["nginx", "haproxy"], indirect=True)(test)


def test_every_number_there_is(door: Door) -> None:
    """Of all suites and groups in SSL 3.0 to TLS 1.3 the door takes exactly those of BSI TR-02102-2."""
    found = scanned(door.port)
    assert found.suites == {TLS12: {0xC02F, 0xC030}, TLS13: {0x1301, 0x1302}}
    assert found.groups[TLS12] == {23, 24, 25, 26, 27, 28}
    assert found.groups[TLS13] - {31, 32, 33} == {23, 24, 25}


def test_openssl_finds_the_same(door: Door) -> None:
    """Real handshakes of OpenSSL's client, with each of its suites and groups alone."""
    assert suites_by_openssl(door.port) == SUITES
    assert groups_by_openssl(door.port, "-tls1_2") == NIST | BRAINPOOL
    assert groups_by_openssl(door.port, "-tls1_3") == NIST


def test_sslscan_finds_the_same(door: Door, tmp_path: Path) -> None:
    """A scanner of others: suites, versions, no compression, no renegotiation, no heartbleed, a strong certificate."""
    report = tmp_path / "sslscan.xml"
    command = ["sslscan", f"--xml={report}", "--no-colour", f"localhost:{door.port}"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    root = ET.parse(report).getroot()
    assert {node.get("cipher") for node in root.iter("cipher")} == SUITES
    enabled = {
        f"{node.get('type')}{node.get('version')}" for node in root.iter("protocol") if node.get("enabled") == "1"
    }
    assert enabled == {"tls1.2", "tls1.3"}
    assert {node.get("supported") for node in root.iter("compression")} <= {"0"}
    assert {node.get("supported") for node in root.iter("renegotiation")} == {"0"}
    assert {node.get("vulnerable") for node in root.iter("heartbleed")} <= {"0"}
    assert all(int(node.get("bits", "0")) >= 3072 for node in root.iter("pk"))


@pytest.mark.parametrize(("application", "name"), samples("good"))
def test_every_operation_goes_through(door: Door, application: str, name: str) -> None:
    """Every good sample request is answered, signed, by whatever door it came in."""
    answer = door.house.post(application, door.house.filled(application, sample(application, "good", name)))
    assert (answer.status, answer.is_fault) == (200, False)
    assert b"SignatureValue" in answer.raw


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_contract_needs_no_certificate(door: Door, application: str) -> None:
    """WSDL for everybody; data for nobody without a certificate, nor with another application's."""
    ca = str(door.running.installation.ca)
    assert requests.get(f"{door.house.url(application)}?wsdl", verify=ca, timeout=10).ok
    message = sample(application, "good", "dienstauskunft")
    assert door.house.post(application, message, anonymous=True).status == 403
    other = next(pair for name, pair in door.running.installation.clients.items() if name != application)
    assert door.house.post(application, message, certificate=other).status == 403


def test_who_is_no_client_of_the_authority_gets_nothing(door: Door) -> None:
    """The server's own certificate is no client's, and the signing one is not pinned: alert, 400 or 403."""
    folder = door.running.folder
    for name in ("tls/server", "signing/rsa"):
        pair = folder / f"{name}.pem", folder / f"{name}.key"
        try:
            answer = door.house.post("wohnung2000", sample("wohnung2000", "good", "dienstauskunft"), certificate=pair)
        except requests.exceptions.RequestException:
            continue
        assert answer.status in (400, 403)


def forged(door: Door) -> list[dict[str, str]]:
    """The certificate of Wohnung2000, in every header and form a proxy could use."""
    certificate = x509.load_pem_x509_certificate(door.running.installation.clients["wohnung2000"][0].read_bytes())
    pem = quote(certificate.public_bytes(Encoding.PEM).decode(), safe="")
    der = b64encode(certificate.public_bytes(Encoding.DER)).decode()
    names = (
        *("X-SSL-Client-Cert", "x-ssl-client-cert", "X_SSL_Client_Cert", "X-SSL_Client_Cert", "X_SSL-CLIENT-CERT"),
        *("Client-Cert", "SSL-Client-Cert", "X-Client-Cert", "X-ARR-ClientCert", "X-Forwarded-Client-Cert"),
    )
    return [{name: value, "X-Forwarded-For": "127.0.0.1"} for name in names for value in (pem, der, f":{der}:")]


def test_a_forged_header_names_nobody(door: Door) -> None:
    """Neither without a certificate nor with another application's does a header of the client change who calls."""
    message = sample("wohnung2000", "good", "dienstauskunft")
    other = door.running.installation.clients["sozialamt"]
    for headers in forged(door):
        assert door.house.post("wohnung2000", message, anonymous=True, headers=headers).status in (400, 403)
        assert door.house.post("wohnung2000", message, certificate=other, headers=headers).status in (400, 403)


@behind_proxies
def test_the_header_of_the_proxy_is_the_only_one(door: Door) -> None:
    """A client that sends the header itself is answered as who he is: what he wrote did not get through."""
    message = sample("sozialamt", "good", "dienstauskunft")
    for headers in forged(door)[:3]:
        answer = door.house.post("sozialamt", message, headers=headers)
        assert (answer.status, answer.is_fault) == (200, False)


def begun(door: Door, number: int, said: bytes, stack: ExitStack) -> None:
    """Requests of an identified client that come no further."""
    certificate, key = door.running.installation.clients["wohnung2000"]
    context = ssl.create_default_context(cafile=door.running.installation.ca)
    context.load_cert_chain(certificate, key)
    for _ in range(number):
        plain = socket.create_connection(("127.0.0.1", door.port), timeout=10)
        connection = stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
        connection.sendall(said)


@pytest.mark.parametrize("said", [b"POST /soap/wohnung2000/1 HT", b"", b"<"])
def test_slow_clients_hold_nobody_up(door: Door, said: bytes) -> None:
    """Eighty slow headers or bodies, and the next caller is answered at once; a proxy does not even pass them on."""
    head = "POST /soap/wohnung2000/1 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 5000\r\n\r\n"
    message = sample("wohnung2000", "good", "dienstauskunft")
    with ExitStack() as stack:
        begun(door, 80, said if said.startswith(b"POST") else head.encode() + said, stack)
        began = time.monotonic()
        for _ in range(4):
            assert door.house.post("wohnung2000", message).status == 200
        assert time.monotonic() - began < 5
        if door.port != door.behind:
            assert door.connections_behind() < 40


def test_oversized_requests_are_refused(door: Door) -> None:
    """2 MiB, stated and in chunks."""
    big = b"<x>" + b"y" * 2_000_000 + b"</x>"
    url, ca = door.house.url("wohnung2000"), str(door.running.installation.ca)
    pair = tuple(map(str, door.running.installation.clients["wohnung2000"]))
    for body in (big, iter([big[:1000], big[1000:]])):
        try:
            answer = requests.post(
                url, data=body, cert=pair, verify=ca, headers={"Content-Type": "text/xml"}, timeout=30
            )
        except requests.exceptions.ConnectionError:
            continue  # the proxy has answered and hung up before all was sent
        assert answer.status_code == 413


@behind_proxies
def test_nobody_goes_round_the_proxy(door: Door) -> None:
    """From another address than the proxy's there is no word, with or without its header."""
    for headers in ("", f"X-SSL-Client-Cert: {forged(door)[0]['X-SSL-Client-Cert']}\r\n"):
        with socket.create_connection(("127.0.0.1", door.behind), timeout=5, source_address=("127.0.0.9", 0)) as plain:
            try:
                plain.sendall(f"GET /health/live HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
                assert plain.recv(100) == b""
            except ConnectionError:
                continue


@behind_proxies
def test_a_removed_pin_is_revoked(door: Door) -> None:
    """Two pins hold at a time; the one that is taken out of the settings is nobody's after the restart."""
    running = door.running
    before = running.installation.settings.read_text("utf-8")
    old, new = running.installation.clients["wohnung2000"], running.installation.clients["sozialamt"]
    pins = {name: pin_of(pair[0]) for name, pair in (("old", old), ("new", new))}
    message = sample("wohnung2000", "good", "dienstauskunft")
    try:
        for held in (("old", "new"), ("new",)):
            listed = json.dumps([pins[name] for name in held])
            lines = [
                f"wohnung2000 = {listed}" if line.startswith("wohnung2000 =") else line for line in before.splitlines()
            ]
            running.installation.settings.write_text("\n".join(lines) + "\n", "utf-8")
            running.end("serve")
            running.serve()
            assert door.house.post("wohnung2000", message, certificate=new).status == 200
            assert door.house.post("wohnung2000", message, certificate=old).status == (200 if "old" in held else 403)
    finally:
        running.installation.settings.write_text(before, "utf-8")
        running.end("serve")
        running.serve()


def pin_of(path: Path) -> str:
    from gateway.wire import certificates

    return certificates.fingerprint_of(certificates.load(path))


@pytest.mark.parametrize("door", ["nginx"], indirect=True)
def test_old_clients_have_a_door_of_their_own(door: Door) -> None:
    """The legacy listener speaks TLS 1.0 and 1.1 and nothing newer, and only with a client certificate."""
    certificate, key = map(str, door.running.installation.clients["wohnung2000"])
    for version in ("-tls1", "-tls1_1"):
        assert s_client(door.legacy, version, "-cipher", "ALL:@SECLEVEL=0", "-cert", certificate, "-key", key)
    for version in ("-tls1_2", "-tls1_3"):
        assert s_client(door.legacy, version, "-cert", certificate, "-key", key) is None
    head = b"POST /soap/wohnung2000/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/xml\r\n"
    message = sample("wohnung2000", "good", "dienstauskunft")
    request = head + f"Content-Length: {len(message)}\r\n\r\n".encode() + message
    old = ["-tls1", "-cipher", "ALL:@SECLEVEL=0", "-quiet", "-ign_eof"]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{door.legacy}", *old]
    said = subprocess.run(
        [*command, "-cert", certificate, "-key", key], input=request, capture_output=True, timeout=30, check=False
    )
    assert b"HTTP/1.1 200 OK" in said.stdout
    nobody = subprocess.run(command, input=request, capture_output=True, timeout=30, check=False)
    assert b" 400 " in nobody.stdout.split(b"\r\n")[0]

"""TLS as the server speaks it: BSI TR-02102-2 and nothing besides, with client certificates of one CA.

What Python's `ssl` can say is said to the context; suites and groups of TLS 1.3 are OpenSSL's own settings (see
`openssl`). Whether both took effect is not assumed but tried: `prove` scans the finished context.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import SettingsError
from gateway.exchange.allowed import GROUPS, SUITES
from gateway.exchange.hello import TLS12
from gateway.exchange.scan import Accepted, scan
from gateway.exchange.sockets import TlsSocket
from gateway.settings import ServerSettings
from gateway.wire import certificates

_CIPHERS = ":".join(SUITES[TLS12].values()) + ":@SECLEVEL=3"
# Level 3: RSA from 3,072 bit, curves from 256 bit and SHA-256 in every certificate of the chain, no tickets.


def context_for(settings: ServerSettings) -> ssl.SSLContext | None:
    """The server's context; None where a proxy ends TLS. SettingsError lists what is missing or too weak."""
    if settings.ends_tls:
        return server_context(settings)
    if problems := [*check_authorities(settings.client_ca)]:
        raise SettingsError(problems=problems)
    return None


def server_context(settings: ServerSettings) -> ssl.SSLContext:
    """The context for all connections, made once before the fork; SettingsError lists what is missing or too weak.

    A client certificate is asked for but not needed (WSDLs are public); one that does not chain to `client_ca`, or
    that is weak anywhere in its chain, ends the handshake with an alert. No compression, no renegotiation, and no
    session tickets, whose key would live as long as the process. In TLS 1.2 a session may be taken up again by its
    number, in the same process and with the certificate that was shown in it; pin and validity are looked at in
    every request.
    """
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    except ssl.SSLError as error:
        raise SettingsError(f"OpenSSL refuses its own configuration (OPENSSL_CONF): {error.reason}") from error
    context.sslsocket_class = TlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    problems = [*_weak_server(settings.certificate), *check_authorities(settings.client_ca)]
    problems += [*_load_key(context, settings.certificate, settings.key), *_load_ca(context, settings.client_ca)]
    if problems:
        raise SettingsError(problems=problems)
    return context


def check_authorities(path: Path) -> Iterator[str]:
    """What is wrong with the certificates in `server.client_ca`: each must be a CA's, and strong enough."""
    try:
        authorities = certificates.load_chain(path)
    except SettingsError as error:
        yield f"server.client_ca: {error}"
        return
    for number, authority in enumerate(authorities, 1):
        if weakness := certificates.weakness(authority):
            yield f"server.client_ca: certificate {number}: {weakness}"
        if not certificates.may_issue(authority):
            yield f"server.client_ca: certificate {number}: it is no certificate authority's"


def prove(context: ssl.SSLContext) -> None:
    """The finished context takes nothing outside SUITES and GROUPS, and something of them; SettingsError otherwise.

    Every suite and every group there is, in SSL 3.0 to TLS 1.3, is offered to the context in memory (0.1 s).
    """
    accepted = scan(lambda hello: first_flight(context, hello), usual_groups=tuple(GROUPS))
    if problems := [*_excess(accepted)]:
        raise SettingsError(problems=problems)


def first_flight(context: ssl.SSLContext, hello: bytes) -> bytes:
    """What a server with this context answers to a ClientHello, up to where it waits for the client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(hello)
    try:
        connection.do_handshake()
    except ssl.SSLError:
        return outgoing.read()  # it waits for more, or has refused: the flight says which
    raise SettingsError("TLS: a handshake was finished without a client")


def _excess(accepted: Accepted) -> Iterator[str]:
    if not accepted.suites:
        yield "TLS: no handshake is possible with this certificate and this OpenSSL"
    for version, suites in accepted.suites.items():
        for suite in sorted(suites - SUITES.get(version, {}).keys()):
            yield f"TLS: suite {suite:#06x} is accepted in version {version:#06x}, which BSI TR-02102-2 does not have"
        for group in sorted(accepted.groups[version] - GROUPS.keys()):
            yield f"TLS: group {group} is accepted in version {version:#06x}, which BSI TR-02102-2 does not have"
        if not accepted.groups[version]:
            yield f"TLS: no group of BSI TR-02102-2 is possible in version {version:#06x}"


def _weak_server(path: Path) -> Iterator[str]:
    try:
        chain = certificates.load_chain(path)
    except SettingsError as error:
        yield f"server.certificate: {error}"
        return
    for number, certificate in enumerate(chain, 1):
        if weakness := certificates.weakness(certificate):
            yield f"server.certificate: certificate {number}: {weakness}"
    if not certificates.may_serve(chain[0]):
        yield "server.certificate: its keyUsage or extendedKeyUsage does not allow it to serve TLS"


def _load_key(context: ssl.SSLContext, certificate: Path, key: Path) -> Iterator[str]:
    try:
        # An encrypted key would ask on the terminal; an empty password refuses it instead.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        yield f"server.certificate, server.key: {type(error).__name__}: {error}"


def _load_ca(context: ssl.SSLContext, client_ca: Path) -> Iterator[str]:
    try:
        context.load_verify_locations(cafile=client_ca)
    except (OSError, ValueError) as error:
        yield f"server.client_ca: {type(error).__name__}: {error}"

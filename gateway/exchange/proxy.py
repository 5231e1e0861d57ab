"""Who calls, where a proxy ends TLS: the client certificate in a header, believed only if the proxy itself sent it.

The server accepts connections of the proxy's addresses only; here the address of each request is looked at again. The
proxy has verified the certificate, and possession of its key; its chain is nevertheless verified once more. No other
header of a proxy says anything: `X-Forwarded-For` and the like are not read anywhere.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any
from urllib.parse import unquote_to_bytes

from gateway.errors import CallerUnknown, MessageRefused
from gateway.exchange.http import CERTIFICATE_HEADERS, tls_peer
from gateway.settings import ProxySettings, ServerSettings
from gateway.wire import certificates, chain

MOST_CERTIFICATE = 8000
"""Characters of the header's value; an RSA certificate of 4,096 bit with many names has about 4,000."""

_ESCAPED = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{64,}={0,2}")
_PEM = re.compile(
    rb"-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/=]{1,76}\r?\n)+)-----END CERTIFICATE-----(?:\r?\n)?"
)

Peer = Callable[[dict[str, Any]], bytes | None]


@dataclass(frozen=True, slots=True)
class Proxied:
    """Finds the client certificate (DER) that the proxy has put into a request; None: the client showed none.

    MessageRefused (400) if the header is anything but one certificate, 403 if the certificate is not of `authorities`
    or if the request does not come from the proxy.
    """

    proxy: ProxySettings
    authorities: Sequence[chain.Authority]
    clock: Callable[[], datetime]

    def __call__(self, environ: Mapping[str, Any]) -> bytes | None:
        if not admits(self.proxy)(environ.get("REMOTE_ADDR", "")):
            raise MessageRefused("the request does not come from the proxy", http_status=403)
        value = environ.get(environ_name(self.proxy), "")
        if not value:
            return None
        der = certificate_in(value)
        try:
            chain.verify(der, self.authorities, now=self.clock())
        except CallerUnknown as error:
            raise MessageRefused(f"header of the proxy: {error}", http_status=403) from None
        return der


def peers(settings: ServerSettings, clock: Callable[[], datetime]) -> tuple[Peer, frozenset[str]]:
    """What finds the caller's certificate in a request, and the headers in which nobody may claim one.

    SettingsError if `client_ca` cannot be read.
    """
    proxy = settings.proxy
    if proxy is None:
        return tls_peer, CERTIFICATE_HEADERS
    authorities = certificates.load_chain(settings.client_ca)
    return Proxied(proxy, authorities, clock), CERTIFICATE_HEADERS - {environ_name(proxy)}


def environ_name(proxy: ProxySettings) -> str:
    """How WSGI calls the configured header (PEP 3333)."""
    return "HTTP_" + proxy.header.upper().replace("-", "_")


def admits(proxy: ProxySettings | None) -> Callable[[object], bool]:
    """Whether a connection from this address (as the socket has it) may be; without a proxy every one may."""
    if proxy is None:
        return lambda _address: True
    if proxy.socket is not None:
        return lambda _address: True  # nobody has an address there: who may open the socket is the proxy
    networks = proxy.addresses
    return lambda address: _within(address[0] if isinstance(address, tuple) else address, networks)


@lru_cache(maxsize=256)
def certificate_in(value: str) -> bytes:
    """The DER of the one certificate in a header's value; MessageRefused (400) for anything else.

    The last ones are kept: what a text says does not change. Whether it is believed is asked each time.
    """
    if len(value) > MOST_CERTIFICATE:
        raise MessageRefused("header of the proxy: too long")
    if value.startswith("-----BEGIN"):
        der = _from_pem(value)
    else:
        # RFC 9440, 2.1: a byte sequence of RFC 8941 stands between colons.
        bare = value[1:-1] if len(value) > 2 and value[0] == value[-1] == ":" else value
        der = b64decode(bare, validate=True) if _BASE64.fullmatch(bare) and len(bare) % 4 == 0 else b""
    try:
        certificates.read(der)
    except CallerUnknown:
        raise MessageRefused("header of the proxy: not one certificate") from None
    return der


def _from_pem(value: str) -> bytes:
    found = _PEM.fullmatch(unquote_to_bytes(value)) if _ESCAPED.fullmatch(value) else None
    text = b"".join(found[1].split()) if found else b""
    return b64decode(text, validate=True) if _BASE64.fullmatch(text.decode("ascii")) and len(text) % 4 == 0 else b""


def _within(address: object, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        found = ip_address(str(address))
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in networks)

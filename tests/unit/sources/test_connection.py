"""The way to the source is TLS under the configured CA, or this machine, and a deadline cuts it."""

from __future__ import annotations

import ssl
import threading

import pytest

from gateway.errors import SettingsError
from gateway.sources.connection import Sockets, SourceAdapter, deadline

from .fakes import settings


@pytest.mark.parametrize("url", ["http://127.0.0.1:8099/x", "http://localhost/x", "http://[::1]/x"])
def test_plain_http_on_this_machine_is_allowed(url):
    """The simulator and a TLS sidecar listen there."""
    SourceAdapter(settings(url=url), Sockets())


@pytest.mark.parametrize("url", ["http://okvisa.example.org/x", "http://10.0.0.1/x", "http://localhost.example.org/x"])
def test_plain_http_elsewhere_is_refused(url):
    """Records of persons never cross a network in clear."""
    with pytest.raises(SettingsError):
        SourceAdapter(settings(url=url), Sockets())


def test_tls_without_a_configured_ca_is_refused(tmp_path):
    """No fall-back to all the CAs of the world; files that do not fit are named by setting, not quoted."""
    with pytest.raises(SettingsError):
        SourceAdapter(settings(url="https://okvisa.example.org/x"), Sockets())
    wrong = tmp_path / "ca.pem"
    wrong.write_text("GEHEIM")
    with pytest.raises(SettingsError) as caught:
        SourceAdapter(settings(url="https://okvisa.example.org/x", ca=wrong), Sockets())
    assert "GEHEIM" not in str(caught.value)


def test_tls_is_modern_and_verified(monkeypatch):
    """TLS 1.2 and up, host name and chain are checked, only forward-secret AES-GCM under 1.2."""
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_a, **_k: None)
    adapter = SourceAdapter(settings(url="https://okvisa.example.org/x", ca="ca.pem"), Sockets())
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    older = [one["name"] for one in context.get_ciphers() if one["protocol"] == "TLSv1.2"]
    assert older
    assert all(name.startswith("ECDHE") and "GCM" in name for name in older)


def test_connections_are_known_to_the_deadline(monkeypatch):
    """Every connection that is opened can be cut."""
    sockets = Sockets()
    adapter = SourceAdapter(settings(), sockets)
    seen = []
    monkeypatch.setattr(Sockets, "add", lambda _self, connection: seen.append(connection))
    for scheme in ("http", "https"):
        pool = adapter.poolmanager.pool_classes_by_scheme[scheme]
        base = pool.ConnectionCls.__mro__[1]
        monkeypatch.setattr(base, "connect", lambda _self: None)
        connection = pool.ConnectionCls("127.0.0.1", 9)
        connection.connect()
        assert seen[-1] is connection
    sockets.cut()


def test_a_deadline_cuts_once_and_only_if_reached():
    """After the time the event is set and the connections are cut; before it nothing happens."""
    cut = threading.Event()
    with deadline(0.01, cut.set) as expired:
        assert cut.wait(5)
        assert expired.is_set()
    calls: list[int] = []
    with deadline(60, lambda: calls.append(1)) as expired:
        assert not expired.is_set()
    assert calls == []

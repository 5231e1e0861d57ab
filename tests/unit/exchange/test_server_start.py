"""What a server process does that begins while the database is away."""

from __future__ import annotations

from pathlib import Path

import pytest
from gunicorn.arbiter import Arbiter

from gateway.errors import AuditError, HouseError, SettingsError, StoreError
from gateway.exchange.server import PAUSE, Server
from gateway.exchange.worker import make_plain
from gateway.settings import ServerSettings

SETTINGS = ServerSettings.model_validate(
    {
        "public_url": "https://gateway.example",
        "certificate": Path("/unread/server.pem"),
        "key": Path("/unread/server.key"),
        "client_ca": Path("/unread/ca.pem"),
        "proxy": {"addresses": ["127.0.0.1"], "tls": False},
    }
)


def starting(error: Exception) -> tuple[int | None, list[float]]:
    """How a process ends that cannot open its house, and how long it waited before."""
    waited: list[float] = []

    def fails() -> None:
        raise error

    with pytest.raises((SystemExit, type(error))) as ended:
        Server(SETTINGS, None, fails, waited.append).load()
    return ended.value.code if isinstance(ended.value, SystemExit) else None, waited


@pytest.mark.parametrize(
    "error",
    [
        StoreError("the database refused a statement (OperationalError)"),
        AuditError("the anchor file cannot be read (OSError)"),
    ],
)
def test_a_process_without_a_database_does_not_end_the_server(error: HouseError) -> None:
    """Its exit status is none on which gunicorn gives up all others; the next one is not tried at once."""
    code, waited = starting(error)
    assert code not in (None, 0, Arbiter.WORKER_BOOT_ERROR, Arbiter.APP_LOAD_ERROR)
    assert waited == [PAUSE]


def test_any_other_error_does() -> None:
    """What will not mend itself must not be tried for ever."""
    assert starting(SettingsError("wrong")) == (None, [])


def test_it_is_told_once_it_listens() -> None:
    """gunicorn calls it when it has its place, before any process begins; not when the server is only made."""
    told: list[int] = []
    server = Server(SETTINGS, None, lambda: pytest.fail("opened"), listening=lambda: told.append(1))
    assert not told
    server.cfg.when_ready(None)
    assert told == [1]


def test_plain_settings_are_those_there_were() -> None:
    """Each has its value, its own or gunicorn's; only the way to it is shorter."""
    config = Server(SETTINGS, None, lambda: pytest.fail("nothing is opened")).cfg
    before = {name: getattr(config, name) for name in config.settings}
    make_plain(config)
    assert {name: getattr(config, name) for name in config.settings} == before
    assert vars(config)["limit_request_line"] == 2048

"""How log lines look."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.log import configure_log
from gateway.settings import LogSettings


@pytest.fixture
def configured() -> Iterator[None]:
    """The log as a process has it that was started by an operator; afterwards as it was."""
    before = structlog.get_config()
    configure_log(LogSettings())
    yield
    structlog.configure(**before)


def test_spyne_stays_silent(configured: None) -> None:
    """Spyne writes whole messages into its log: nothing of it is heard, however often the log is configured."""
    assert not logging.getLogger("spyne.protocol.xml").isEnabledFor(logging.CRITICAL)

"""Health and start know whether a failover would lose what was confirmed."""

from __future__ import annotations

import pytest

from gateway.health import State
from gateway.health.replication import judged
from gateway.store.replication import Replication, Standby, needed


def standby(name: str = "a", sync: str = "quorum", state: str = "streaming", behind: int = 0) -> Standby:
    return Standby(name, state, sync, behind, 0.0)


def seen(*standbys: Standby, needed: int = 1) -> Replication:
    return Replication(False, needed, len(standbys), standbys)


def states(found: Replication, wanted: int) -> list[State]:
    return [finding.state for finding in judged(found, wanted)]


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ("", 0),
        (" ", 0),
        ("a", 1),
        ("a, b", 1),
        ("*", 1),
        ("ANY 1 (a, b)", 1),
        ("any 2(a,b,c)", 2),
        ("FIRST 2 (a, b, c)", 2),
        ("2 (a, b)", 2),
    ],
)
def test_how_many_a_commit_waits_for(names: str, count: int) -> None:
    """Every form that synchronous_standby_names has."""
    assert needed(names) == count


@pytest.mark.parametrize(("connected", "wanted"), [(0, 1), (1, 0), (2, 2)])
def test_an_asynchronous_primary_is_critical(connected: int, wanted: int) -> None:
    """Standbys in the settings, or connected, and no commit waits for one: answers' entries would be lost."""
    (finding,) = judged(
        Replication(False, 0, connected, tuple(standby(sync="async") for _ in range(connected))), wanted
    )
    assert finding.state is State.CRITICAL
    assert "asynchronous" in finding.text


def test_a_single_server_is_said_to_be_one() -> None:
    """Without any standby, and none agreed, all is well, and it is said what that means."""
    (finding,) = judged(Replication(False, 0, 0, ()), 0)
    assert finding.state is State.OK
    assert "single server" in finding.text


def test_a_standby_is_no_database_to_work_with() -> None:
    """A target that can only be read is critical."""
    assert states(Replication(True, 0, 0, None), 0) == [State.CRITICAL]


def test_who_is_missing_is_seen_before_nothing_goes() -> None:
    """With fewer than a commit needs nothing is answered: critical; with just as many, of more, a warning."""
    a, b = standby("a"), standby("b")
    assert states(seen(a, b), 2)[0] is State.OK
    assert states(seen(a), 2)[0] is State.WARNING
    assert states(seen(), 2) == [State.CRITICAL]
    assert states(seen(a, needed=2), 2)[0] is State.CRITICAL
    assert states(seen(standby(state="catchup")), 1)[0] is State.CRITICAL
    assert states(seen(standby(sync="async")), 1)[0] is State.CRITICAL


def test_one_that_lags_is_named() -> None:
    """A standby that is far behind, or not streaming, is a warning of its own."""
    late = judged(seen(standby("a"), standby("b", behind=1 << 30)), 2)
    assert [(finding.check, finding.state) for finding in late][1:] == [
        ("replication a", State.OK),
        ("replication b", State.WARNING),
    ]


def test_a_role_that_may_not_look_says_so() -> None:
    """Without pg_monitor only a number is visible: too few are critical all the same, enough are a warning."""
    assert states(Replication(False, 1, 2, None), 2) == [State.WARNING]
    assert states(Replication(False, 1, 0, None), 2) == [State.CRITICAL]

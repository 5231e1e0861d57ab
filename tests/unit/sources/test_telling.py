"""What a poller's log says of long work."""

from __future__ import annotations

from structlog.testing import capture_logs

from gateway.sources.telling import logged


def test_much_work_is_told_at_its_beginning_now_and_then_and_at_its_end() -> None:
    """A line every half minute, however many pieces there are; whoever waits at a terminal is told every piece."""
    seen: list[int] = []
    moments = iter(range(0, 1000, 10))
    tell = logged(lambda _what, done, _total: seen.append(done), lambda: float(next(moments)))
    with capture_logs() as lines:
        for done in range(0, 3001, 250):
            tell("persons computed anew", done, 3000)
    assert seen == list(range(0, 3001, 250))
    assert {(line["event"], line["of"]) for line in lines} == {("persons computed anew", 3000)}
    assert [line["done"] for line in lines] == [0, 750, 1500, 2250, 3000]


def test_what_is_done_in_a_moment_is_not_told() -> None:
    """The persons whose day has come, each day a few."""
    tell = logged(lambda *_: None)
    with capture_logs() as lines:
        tell("persons computed anew", 0, 40)
        tell("pages", 3, None)
    assert lines == []

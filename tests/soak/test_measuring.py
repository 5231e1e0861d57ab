"""What grows is seen to grow, and what is only noisy is not."""

from __future__ import annotations

import os
from random import Random

import pytest
from lxml import etree

from tests.soak.measuring import by_minute, growth, sample, settled, slope
from tests.soak.picture import svg


def series(per_hour: float, noise: float, seed: int = 1) -> list[tuple[float, float]]:
    """Half an hour of samples, ten seconds apart, with an outlier now and then."""
    random = Random(seed)
    return [
        (at / 3600, 100 + per_hour * at / 3600 + random.gauss(0, noise) + (50 if random.random() < 0.03 else 0))
        for at in range(0, 1800, 10)
    ]


@pytest.mark.parametrize("per_hour", [0.0, 20.0, 200.0, -20.0])
def test_a_slope_is_what_is_behind_the_noise(per_hour: float) -> None:
    """Within a tenth of the value an hour, although the single figures jump."""
    assert slope(series(per_hour, noise=2)) == pytest.approx(per_hour, abs=10)


def test_a_warm_up_is_no_growth() -> None:
    """What rises for the first quarter and then stands is flat; what rises throughout is not."""
    warm = [(float(at), min(at, 20.0) + 80) for at in range(100)]
    assert growth(warm) == pytest.approx(0, abs=0.01)
    assert settled(warm)[0] == (25.0, 100.0)
    assert growth([(float(at), 100.0 + at) for at in range(100)]) > 0.4


def test_a_minute_is_told_by_what_most_of_it_was() -> None:
    """Median and the slowest hundredth of each whole minute."""
    moments = [(second / 10, 1.0 if second % 100 else 9.0) for second in range(1250)]
    assert by_minute(moments, 0.5) == [(0, 1.0), (1, 1.0)]
    assert by_minute(moments, 1.0) == [(0, 9.0), (1, 9.0)]


def test_a_process_is_measured() -> None:
    """Of this process there is something of everything."""
    mine = sample(os.getpid())
    assert min(mine.memory, mine.files, mine.threads, mine.seconds) > 0


def test_a_picture_is_one() -> None:
    """Well-formed, and each series is a line in it."""
    root = etree.fromstring(svg("a & b", {"MiB": {"one": [(0, 1), (1, 2)], "two": [(0, 0)]}, "none": {}}))
    assert len(root.findall("{*}polyline")) == 2

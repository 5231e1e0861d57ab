"""Hostile messages of an identified client, and what looks odd but is legal SOAP."""

from __future__ import annotations

import pytest

from tests.attacks.attack import Attack, Fortress, refusal
from tests.attacks.hostile_xml import HOSTILE, LEGAL, Change
from tests.interop.calling import sample

ASKED = sample("schulentwicklung", "good", "dienstauskunft")
MOST_SECONDS = 0.2
TICK = 0.02


@pytest.mark.parametrize("attack", HOSTILE, ids=str)
def test_a_hostile_message_is_refused(fortress: Fortress, counted: None, attack: Attack) -> None:
    """It meets its refusal, for less than 200 ms of CPU, with one entry if its sender was identified, and no echo."""
    constant = all(isinstance(code, int) for code in attack.meets)
    started = fortress.cpu()
    with fortress.nothing_but_refusals(entries=0 if constant else 1):
        answer = fortress.house.post("schulentwicklung", attack.make(ASKED), headers=attack.headers)
    assert refusal(answer) in attack.meets
    assert fortress.cpu() - started <= MOST_SECONDS + TICK


@pytest.mark.parametrize(("change", "headers"), [given[1:] for given in LEGAL], ids=[given[0] for given in LEGAL])
def test_what_is_legal_is_answered(fortress: Fortress, change: Change, headers: dict[str, str]) -> None:
    """UTF-16 with its mark, comments, sections and headers for others are SOAP as it may be written."""
    answer = fortress.house.post("schulentwicklung", change(ASKED), headers=headers)
    assert answer.payload.tag.endswith("}dienstauskunftResponse")

"""The page about WS-I Basic Profile 1.1 says what is checked."""

from __future__ import annotations

from tests.interop import basic_profile_page
from tests.interop.basic_profile_elsewhere import CONSUMER, DEVIATIONS, NOT_OURS, OPTIONS
from tests.interop.basic_profile_messages import MESSAGES
from tests.interop.basic_profile_receiver import RECEIVER
from tests.unit.contract.basic_profile import PROFILE


def test_the_page_is_what_is_checked() -> None:
    """docs/wsi-basic-profile.md is what `python -m tests.interop.basic_profile_page` writes."""
    assert basic_profile_page.PAGE.read_text("utf-8") == "\n".join(basic_profile_page.document()) + "\n"


def test_every_requirement_has_one_place() -> None:
    """A requirement is checked in one place, or has one reason why not; R1126 is checked and has an exception."""
    places = [PROFILE, MESSAGES, RECEIVER, DEVIATIONS, CONSUMER, NOT_OURS, OPTIONS]
    numbers = [number for place in places for number in place]
    assert {number for number in numbers if numbers.count(number) > 1} == {"R1126"}

"""Health of the code lists: what holds, what the contracts do not carry yet, what was changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.cli import trial
from gateway.health import CHECKS, Finding, State, examine
from tests.genericode import genericode, lay, new_process
from tests.unit.cli.lists import run, with_lists
from tests.unit.place import NOW, Place


def found(place: Place, monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    """What that one check says, in a process of its own."""
    new_process(monkeypatch)
    with monkeypatch.context() as alone:
        for other in CHECKS.keys() - {"codelists"}:
            alone.delitem(CHECKS, other)
        return {one.check: one for one in examine(place.settings, NOW)}


def test_the_shipped_lists_are_in_force(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without imported versions there is one line, which names every list with its version."""
    (one,) = found(place, monkeypatch).values()
    assert (one.state, one.value) == (State.OK, 0)
    assert "staat 2024-08-01" in one.text


@pytest.mark.parametrize(
    ("days", "state"),
    [(-1, State.CRITICAL), (0, State.CRITICAL), (1, State.WARNING), (30, State.WARNING), (31, State.OK)],
)
def test_a_version_that_no_contract_carries(
    place: Place, monkeypatch: pytest.MonkeyPatch, days: int, state: State
) -> None:
    """CRITICAL when it has begun, a warning from thirty days before."""
    folder, begins = with_lists(place), NOW.date() + timedelta(days=days)
    raw = genericode("staatsangehoerigkeit", "9", labels={"600": "neu"})
    lay(folder, "staatsangehoerigkeit", "9", raw, begins)
    one = found(place, monkeypatch)["codelist staatsangehoerigkeit"]
    assert (one.state, one.value) == (state, max(days, 0))
    assert "contracts without it: schulentwicklung/1, sozialamt/1, wohnung2000/1" in one.text


def test_a_version_that_every_contract_carries(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With new contracts it is OK, whenever it begins."""
    lay(with_lists(place), "staatsangehoerigkeit", "9", genericode("staatsangehoerigkeit", "9"), NOW.date())
    assert run(place, monkeypatch, "contract", "write")[0] == 0
    one = found(place, monkeypatch)["codelist staatsangehoerigkeit"]
    assert one.state is State.OK
    assert one.text.endswith("every contract carries it")


def test_a_changed_file_is_critical(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte more in an imported file, and the version is named."""
    made = lay(with_lists(place), "staat", "9", genericode("staat", "9"), NOW.date())
    assert found(place, monkeypatch)["codelists"].state is State.OK
    path = made / "list.gc.xml"
    path.write_bytes(path.read_bytes() + b"\n")
    one = found(place, monkeypatch)["codelists"]
    assert one.state is State.CRITICAL
    assert "staat/9: list.gc.xml is not the file that was imported" in one.text


@pytest.mark.parametrize(("days", "named"), [(1, False), (0, True)])
def test_an_agreement_on_an_ended_code_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch, days: int, named: bool
) -> None:
    """From the day after its last one on, with the version of the agreement that names it."""
    with_code = 'bedingung = [{ feld = "geschlecht", nicht_in = ["x"] },'
    place.edit("schemas/wohnung2000/agreement.toml", "bedingung = [", with_code)
    begins = NOW.date() + timedelta(days=days)
    lay(with_lists(place), "geschlecht", "2", genericode("geschlecht", "2", without=["x"]), begins)
    one = found(place, monkeypatch).get("codelist geschlecht x")
    assert (one is not None) is named
    if one is not None:
        assert one.state is State.WARNING
        assert one.text == "code x ended on 2026-11-22 and is named by wohnung2000/1 fassung 3"


def test_a_list_that_decides_is_critical_until_it_is_signed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the signature nothing starts; one of a trial key stays a warning, as with agreements."""
    lay(with_lists(place), "aufenthaltsstatus", "2", genericode("aufenthaltsstatus", "2"), NOW.date())
    name = "approval code list aufenthaltsstatus version 2"
    one = found(place, monkeypatch)[name]
    assert (one.state, one.text) == (State.CRITICAL, "there is no signature")
    pair = place.folder / "approvals" / trial.KEYS / "datenschutzbeauftragte"
    given = ("--key", f"{pair}.key", "--certificate", f"{pair}.pem")
    assert run(place, monkeypatch, "codelist", "sign", "aufenthaltsstatus", "2", *given)[0] == 0
    one = found(place, monkeypatch)[name]
    assert one.state is State.WARNING
    assert one.text.startswith("trial approval, no office behind it")

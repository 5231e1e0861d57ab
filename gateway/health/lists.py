"""Check of the code lists: whole, in force, in the contracts that are published, and not ended where they decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from gateway.agreements.approval import Trust
from gateway.contract import files, xsd
from gateway.contract.compiled import compile_contract
from gateway.health.finding import Examination, Finding, State
from gateway.model import codelists
from gateway.model.codelists import CodeList
from gateway.upkeep import codelist_approval
from gateway.upkeep.codelist_import import agreed_codes

_SOON = 30
"""Days before its first day at which a version must be in the contracts."""
_WRITE = "gateway contract write, review and commit, then restart server and poller; until then nothing starts"


def code_lists(e: Examination) -> Iterator[Finding]:
    """The version of each list that holds today, and of what was imported more than that.

    CodelistError, hence CRITICAL, if an imported file is missing, changed or broken.
    """
    codelists.require()
    today, lists = e.city.today(e.now), [codelists.load(name) for name in codelists.names()]
    imported = sum(len(one.versions) - 1 for one in lists)
    held = ", ".join(f"{one.name} {one.in_force(today).version}" for one in lists)
    yield Finding(
        "codelists", State.OK, f"{imported} imported versions, whole; in force: {held}", "", imported, "files"
    )
    yield from _approved(e)
    published = {key: _carried(e, key) for key in e.agreements}
    for one in lists:
        yield from _newest(one, today, published)
        yield from _agreed(e, one, today)


def _approved(e: Examination) -> Iterator[Finding]:
    """Whether versions that say who is entitled are signed; nothing starts before they are."""
    for one in codelist_approval.approvals(e.settings, Trust.load(e.settings.approvals.trusted)):
        if one.signer is None:
            yield Finding(f"approval {one.name}", State.CRITICAL, one.problem, "gateway codelist sign; nothing starts")
        else:
            state = State.WARNING if one.signer.trial else State.OK
            told = "trial approval, no office behind it; " if one.signer.trial else ""
            yield Finding(f"approval {one.name}", state, f"{told}signed by {one.signer.name}", "let the office sign")


def _newest(one: CodeList, today: date, published: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    """Whether every contract that uses the list carries its newest version; silent of a list that only ships."""
    behind = sorted(key for key, versions in published.items() if versions.get(one.uri, one.version) != one.version)
    if len(one.versions) == 1 and not behind:
        return
    begins = one.versions[-1].begins
    left = 0 if begins is None else max(0, (begins - today).days)
    text = f"version {one.version} " + (f"begins in {left} days" if left else "is in force")
    text += f"; contracts without it: {', '.join(behind)}" if behind else "; every contract carries it"
    state = State.OK if not behind or left > _SOON else State.WARNING if left else State.CRITICAL
    yield Finding(f"codelist {one.name}", state, text, _WRITE, left, "d")


def _agreed(e: Examination, one: CodeList, today: date) -> Iterator[Finding]:
    """A condition on a code that has ended brings ever fewer persons into scope, and nobody signed that."""
    for code, names in agreed_codes(one.name, e.agreements.values()).items():
        last = one.codes[code].valid_to
        if last is not None and last < today:
            text = f"code {code} ended on {last} and is named by {', '.join(names)}"
            yield Finding(f"codelist {one.name} {code}", State.WARNING, text, "agree on a new version")


def _carried(e: Examination, key: str) -> Mapping[str, str]:
    agreement = e.agreements[key]
    path = files.places(compile_contract(agreement, e.city), e.schemas, e.wsdl)["xsd"]
    return xsd.carried(path.read_bytes()) if path.is_file() else {}

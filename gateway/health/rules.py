"""Checks of who may ask what: agreements, approvals, contracts, pins, and whether the rules hold."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gateway.agreements.approval import Trust, approvals
from gateway.agreements.versions import successions
from gateway.contract import files
from gateway.contract.compiled import compile_contract
from gateway.exchange.selfattack import Verdict, attack, passed
from gateway.health.finding import ANNOUNCED, NOTICE, Examination, Finding, State
from gateway.model.days import next_day

_SIGN_ANEW = "let the role sign anew with its next certificate, and trust that one too"
_SIGN = "let the offices sign, and trust their certificates instead (docs/vereinbarungen.md)"


def pins(e: Examination) -> Iterator[Finding]:
    known = {agreement.application for agreement in e.agreements.values()}
    for name in e.settings.pins.keys() - known:
        remedy = "mend [pins] in the settings; until then nothing starts"
        yield Finding(f"pins {name}", State.CRITICAL, "there is no such application", remedy)
    for key, agreement in e.agreements.items():
        pins = agreement.pins | frozenset(e.settings.pins.get(agreement.application, ()))
        if not pins:
            remedy = "pin the application's certificate in its agreement"
            yield Finding(f"pins {key}", State.WARNING, "no client certificate is pinned: nobody can call", remedy)
        else:
            yield Finding(f"pins {key}", State.OK, f"{len(pins)} client certificates pinned")


def agreements(e: Examination) -> Iterator[Finding]:
    today, ends = e.city.today(e.now), successions(e.versions)
    for key, versions in e.versions.items():
        end = ends.get(key)
        if end is not None and end.since <= (next_day(end.until) or end.until):
            text = f"ends on {end.until} as planned: major {end.major} succeeds from {end.since} on"
            yield Finding(f"agreement {key}", State.OK, text)  # who still calls it is told under "major"
            continue
        left = (versions.end(today) - today).days
        following = versions.following(today)
        if today < versions.on(today).valid_from:
            yield Finding(f"agreement {key}", State.CRITICAL, "not yet in force", "nobody is served under it")
            continue
        text = _noticed(left) if left >= 0 else "expired: every request is refused"
        text += f"; fassung {following.version} begins on {following.valid_from}" if following else ""
        yield Finding(f"agreement {key}", ANNOUNCED.judge(left), text, "agree on a new version", left, "d", ANNOUNCED)


def approved(e: Examination) -> Iterator[Finding]:
    """Who signed each agreement, and how long the certificates hold with which that was done."""
    trust, today = Trust.load(e.settings.approvals.trusted), e.city.today(e.now)
    for written in e.written:
        agreement, given = written.agreement, approvals(written, trust, e.settings.approvals.folder)
        name = f"approval {agreement.application}/{agreement.major} fassung {agreement.version}"
        signers = [one.signer for one in given if one.signer is not None]
        if wrong := [f"{one.role}: {one.problem}" for one in given if one.signer is None]:
            remedy = "gateway agreement approvals; until all have signed, nothing starts"
            yield Finding(name, State.CRITICAL, "; ".join(wrong), remedy)
            continue
        left = min((signer.valid_to - e.now).days for signer in signers)
        ended = today > agreement.valid_to
        state = State.OK if ended else ANNOUNCED.judge(left)
        text, remedy = f"signed by {len(given)} roles; first certificate: {_noticed(left)}", _SIGN_ANEW
        if any(e.now < signer.valid_from for signer in signers):
            state, text = State.CRITICAL, "signed with a certificate that is not yet valid"
        if any(signer.trial for signer in signers):
            state, text, remedy = max(state, State.WARNING), f"trial approvals, no office behind them; {text}", _SIGN
        yield Finding(name, state, text, remedy, left, "d", ANNOUNCED)


def contracts(e: Examination) -> Iterator[Finding]:
    for key, agreement in e.agreements.items():
        files.load(compile_contract(agreement, e.city), schemas=e.schemas, wsdl=e.wsdl)
        yield Finding(f"contract {key}", State.OK, "files are what model and agreement give")


def self_attack(e: Examination) -> Iterator[Finding]:
    """The gateway's own negative messages, sent to the agreements and contracts as they lie there now."""
    contracts = {key: compile_contract(agreement, e.city) for key, agreement in e.agreements.items()}
    probes = attack(e.agreements, contracts, e.city, clock=lambda: e.now, randomness=os.urandom)
    for one in passed(probes):
        text, remedy = f"{one.attack}: was answered", "stop the server; report this"
        yield Finding(f"self-attack {one.service}", State.CRITICAL, text, remedy)
    refused = sum(one.verdict is Verdict.REFUSED for one in probes)
    idle = [f"{one.service} {one.attack} ({one.told})" for one in probes if one.verdict is Verdict.NOT_RUN]
    if idle:
        text = f"{len(idle)} attacks could not run: {'; '.join(idle[:3])}"
        yield Finding("self-attack", State.WARNING, text, "report this", refused, "attacks")
    else:
        yield Finding("self-attack", State.OK, f"{refused} attacks refused", "", refused, "attacks")


def _noticed(days: int) -> str:
    if days < 0:
        return f"expired {-days} days ago"
    notice = next((f" (notice: {step} days before)" for step in NOTICE if days <= step), "")
    return f"{days} days left{notice}"

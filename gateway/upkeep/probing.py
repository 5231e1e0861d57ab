"""The gateway's probe of itself: whose certificate opens it, and the one invented person that it finds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from gateway.agreements.agreement import Agreement
from gateway.agreements.eigenprobe import own_agreement
from gateway.agreements.synthetic import EIGENPROBE
from gateway.errors import SettingsError
from gateway.model.person import Datensatz
from gateway.settings import ProbeSettings, Settings
from gateway.store.batch import Batch, Upsert
from gateway.wire import certificates

FAMILIENNAME: Final = "Eigenprobe"
VORNAMEN: Final = "Synthetisch"
GEBURTSDATUM: Final = "2000-01-01"
"""How the person is found; no living being is called so."""


def own_probe(settings: Settings, agreements: Iterable[Agreement]) -> Agreement | None:
    """The probe's agreement; None if the settings have no section [probe]: then there is no such service.

    SettingsError if the probe's certificate opens another application too.
    """
    if settings.probe is None:
        return None
    pin = certificates.fingerprint_of(certificates.load(settings.probe.certificate))
    others = {one.application for one in agreements if pin in one.pins}
    others |= {name for name, pins in settings.pins.items() if pin in pins}
    if others:
        raise SettingsError(problems=[f"certificate: it is pinned for {name} too" for name in sorted(others)])
    return own_agreement(frozenset({pin}), next(iter(settings.signing)))


def with_probe(settings: Settings, probe: ProbeSettings) -> Settings:
    """The settings as they are with that section in the file."""
    return settings.model_copy(update={"probe": probe})


def invented(now: datetime) -> Batch:
    """The person as its source would say it now: newer than whatever it said before."""
    person = {
        "familienname": FAMILIENNAME,
        "vornamen": VORNAMEN,
        "geburt": {"datum": GEBURTSDATUM},
        "geschlecht": "x",
    }
    steering = {
        "quellsystemPersonennummer": "1",
        "aenderungsnummer": int(now.timestamp()),
        "stand": f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }
    record = Datensatz.model_validate({"person": person, "steuerung": steering})
    return Batch(EIGENPROBE, (Upsert(record),))

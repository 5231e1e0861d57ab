"""The request header `abrufkontext`: who at the caller's side asks, for what, and on which file."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from gateway.model import vocabulary as v
from gateway.model.structure import Part


class Abrufkontext(Part):
    """Wer fragt wofür; Kopf jeder Anfrage (vgl. XMeld datenAbrufendeStelle, BMG § 40)."""

    model_config = ConfigDict(defer_build=False)  # threads ask for it at the same time

    kennung: v.TextC100 = Field(description="Kennung der Sachbearbeitung oder des Verfahrens, das abruft")
    verwendungszweck: v.TextC20 = Field(description="Schlüssel des Verwendungszwecks aus der Vereinbarung")
    aktenzeichen: v.TextC40 | None = Field(None, description="Aktenzeichen der anfragenden Stelle")
    begruendung: v.TextC500 | None = Field(None, description="Begründung des Einzelabrufs")

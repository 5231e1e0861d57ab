"""The report to a person as one printable page: self-contained, without script, in German."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from gateway.reports.rendering import german_moment, html_environment, shown
from gateway.reports.subject import SubjectReport
from gateway.reports.subject_values import Held


def render_page(report: SubjectReport) -> bytes:
    """The report as HTML in UTF-8; every value is escaped, and nothing is fetched to show it."""
    environment = html_environment()
    moment = german_moment(report.city.timezone)

    def stand(text: str) -> Markup:
        return moment(datetime.fromisoformat(text)) if text else Markup("unbekannt")

    environment.filters |= {"moment": moment, "stand": stand, "shown": shown}
    city = report.city
    return (
        environment.get_template("auskunft.html")
        .render(
            report=report,
            contacts=(("Verantwortlich", city.controller), ("Datenschutz", city.officer)),
            klass=klass,
            source_of=source_of,
        )
        .encode("utf-8")
    )


def klass(held: Held) -> str:
    """The sensitivity class of the field in words."""
    attribut = held.node.attribut
    return "Steuerung" if attribut is None else f"{attribut.schutzklasse.name}: {attribut.schutzklasse.value}"


def source_of(held: Held) -> str:
    """Where law or DSAusländer describe the field, and whether the source stated or the gateway computed it."""
    attribut = held.node.attribut
    if attribut is None:
        return "Teil der Angabe"
    return f"{attribut.fundstelle} (abgeleitet)" if attribut.herkunft == "abgeleitet" else attribut.fundstelle

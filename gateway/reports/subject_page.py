"""The report to a person as one printable page: self-contained, without script, in German."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup

from gateway.model.structure import Schutzklasse
from gateway.reports.rendering import german_day, german_moment, html_environment, shown
from gateway.reports.subject import SubjectReport
from gateway.reports.subject_values import Held

_CLASSES = {one.name: one.value for one in Schutzklasse} | {"S5": "steuert nur den Webservice, geht an niemanden"}


def render_page(report: SubjectReport) -> bytes:
    """The report as HTML in UTF-8; every value is escaped, and nothing is fetched to show it."""
    moment = german_moment(report.city.timezone)

    def stand(text: str) -> Markup:
        return moment(datetime.fromisoformat(text)) if text else Markup("unbekannt")

    city = report.city
    return (
        html_environment()
        .get_template("auskunft.html")
        .render(
            report=report,
            moment=moment,
            day=german_day(report.city.timezone),
            stand=stand,
            classes=tuple(_CLASSES.items()),
            shown=shown,
            contacts=(("Verantwortlich", city.controller), ("Datenschutz", city.officer)),
            klass=klass,
            source_of=source_of,
        )
        .encode("utf-8")
    )


def klass(held: Held) -> str:
    """The sensitivity class of the field; a dash for what only steers the gateway."""
    return "–" if held.attribut is None else held.attribut.schutzklasse.name


def source_of(held: Held) -> str:
    """Where law or DSAusländer describe the field."""
    return "Steuerung des Webservice" if held.attribut is None else held.attribut.fundstelle

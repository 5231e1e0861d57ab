"""The rules of contract evolution: each kind of change, what it does to existing clients, why, and on which stacks.

docs/contract-evolution.md holds this table for readers; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gateway.contract.change import Effect, Rule

_C, _T, _B = Effect.COMPATIBLE, Effect.TOLERANT, Effect.BREAKING
_VALIDATING = "clients that validate answers against the XSD"
_UNKNOWN_ELEMENT = (_VALIDATING, "Apache CXF", "zeep", "Axis 1", "Axis 2", "gSOAP with SOAP_XML_STRICT")
_ENUM = (_VALIDATING, ".NET (throws)", "Apache CXF (throws)", "JAX-WS RI (null, silently)", "gSOAP (throws)")

_ELEMENTS = (
    Rule(
        "request-element-added", _C, "optional element {new} added", "optionale Angabe {new} kommt hinzu",
        "who does not send it stays valid", "wer sie nicht sendet, bleibt gültig",
    ),
    Rule(
        "request-mandatory-added", _B, "mandatory element {new} added", "Pflichtangabe {new} kommt hinzu",
        "existing callers do not send it and are refused",
        "bisherige Anfragen enthalten sie nicht und werden abgewiesen",
    ),
    Rule(
        "request-element-removed", _B, "element {old} removed", "Angabe {old} entfällt",
        "who still sends it is refused", "wer sie noch sendet, wird abgewiesen",
    ),
    Rule(
        "request-minimum-lowered", _C, "minOccurs lowered from {old} to {new}",
        "Mindestzahl von {old} auf {new} gesenkt",
        "who sends it as before stays valid", "wer sendet wie bisher, bleibt gültig",
    ),
    Rule(
        "request-minimum-raised", _B, "minOccurs raised from {old} to {new}", "Mindestzahl von {old} auf {new} erhöht",
        "who sends fewer, as was allowed, is refused", "wer weniger sendet, wie es erlaubt war, wird abgewiesen",
    ),
    Rule(
        "request-maximum-raised", _C, "maxOccurs raised from {old} to {new}", "Höchstzahl von {old} auf {new} erhöht",
        "who sends as before stays valid", "wer sendet wie bisher, bleibt gültig",
    ),
    Rule(
        "request-maximum-lowered", _B, "maxOccurs lowered from {old} to {new}",
        "Höchstzahl von {old} auf {new} gesenkt",
        "who sends as many as was allowed is refused", "wer so viele sendet, wie erlaubt war, wird abgewiesen",
    ),
    Rule(
        "request-order-changed", _B, "order changed from {old} to {new}", "Reihenfolge von {old} auf {new} geändert",
        "an xs:sequence is checked in its order", "xs:sequence wird in ihrer Reihenfolge geprüft",
    ),
    Rule(
        "request-type-changed", _B, "type changed from {old} to {new}", "Typ von {old} auf {new} geändert",
        "values of the old type are not values of the new", "Werte des alten Typs sind keine des neuen",
    ),
    Rule(
        "answer-element-appended", _T, "element {new} added at the end", "Angabe {new} kommt am Ende hinzu",
        "who ignores what it does not know goes on", "wer Unbekanntes übergeht, arbeitet weiter", _UNKNOWN_ELEMENT,
    ),
    Rule(
        "answer-element-inserted", _B, "element {new} added before others", "Angabe {new} kommt vor anderen hinzu",
        "classes of .NET that know the order (svcutil) silently lose everything that follows an unknown element",
        ".NET-Klassen mit fester Reihenfolge (svcutil) verlieren stillschweigend alles, was dahinter steht",
        (".NET from svcutil", *_UNKNOWN_ELEMENT),
    ),
    Rule(
        "answer-element-removed", _T, "optional element {old} removed", "optionale Angabe {old} entfällt",
        "it could always be absent, and now it always is", "sie konnte immer fehlen und fehlt jetzt immer",
        ("applications that do not work without the value",),
    ),
    Rule(
        "answer-mandatory-removed", _B, "mandatory element {old} removed", "Pflichtangabe {old} entfällt",
        "clients rely on it: it was promised in every answer", "die Gegenstelle verlässt sich auf sie",
    ),
    Rule(
        "answer-minimum-lowered", _B, "minOccurs lowered from {old} to {new}",
        "Mindestzahl von {old} auf {new} gesenkt",
        "clients rely on what was promised: numbers read as 0, objects as null, silently",
        "die Gegenstelle verlässt sich darauf: Zahlen werden still zu 0, Objekte zu null",
    ),
    Rule(
        "answer-minimum-raised", _C, "minOccurs raised from {old} to {new}", "Mindestzahl von {old} auf {new} erhöht",
        "an answer of now was valid before", "jetzige Antworten waren auch bisher gültig",
    ),
    Rule(
        "answer-becomes-list", _B, "maxOccurs raised from {old} to {new}", "Höchstzahl von {old} auf {new} erhöht",
        "generated code holds one value; the others are lost or the type changes",
        "erzeugter Code hält einen Wert; die anderen gehen verloren, oder der Typ wechselt",
    ),
    Rule(
        "answer-maximum-raised", _T, "maxOccurs raised from {old} to {new}", "Höchstzahl von {old} auf {new} erhöht",
        "lists of generated code grow", "Listen in erzeugtem Code wachsen mit",
        (_VALIDATING, "Apache CXF with schema validation", "applications with a fixed number of places"),
    ),
    Rule(
        "answer-maximum-lowered", _C, "maxOccurs lowered from {old} to {new}", "Höchstzahl von {old} auf {new} gesenkt",
        "an answer of now was valid before", "jetzige Antworten waren auch bisher gültig",
    ),
    Rule(
        "answer-order-changed", _B, "order changed from {old} to {new}", "Reihenfolge von {old} auf {new} geändert",
        "clients that know the order fail or silently lose values",
        "Gegenstellen mit fester Reihenfolge scheitern oder verlieren still Werte",
        (".NET from svcutil", *_UNKNOWN_ELEMENT),
    ),
    Rule(
        "answer-type-changed", _B, "type changed from {old} to {new}", "Typ von {old} auf {new} geändert",
        "generated code cannot hold the new values", "erzeugter Code kann die neuen Werte nicht halten",
    ),
)  # fmt: skip

_VALUES = (
    Rule(
        "request-values-narrower", _B, "{old} narrowed to {new}", "{old} verengt auf {new}",
        "values that were allowed are refused", "bisher erlaubte Werte werden abgewiesen",
    ),
    Rule(
        "request-values-wider", _C, "{old} widened to {new}", "{old} erweitert auf {new}",
        "what was allowed stays allowed", "was erlaubt war, bleibt erlaubt",
    ),
    Rule(
        "request-code-added", _C, "codes added: {new}", "neue Codes: {new}",
        "the codes of before stay valid", "die bisherigen Codes bleiben gültig",
    ),
    Rule(
        "request-code-removed", _B, "codes removed: {old}", "Codes entfallen: {old}",
        "who still sends one is refused", "wer einen davon noch sendet, wird abgewiesen",
    ),
    Rule(
        "request-list-changed", _B, "fixed attribute changed from {old} to {new}",
        "festes Attribut von {old} auf {new} geändert",
        "classes of .NET send the fixed value of their time and are refused",
        ".NET-Klassen senden den festen Wert von damals und werden abgewiesen", (".NET", "whoever sends the attribute"),
    ),
    Rule(
        "request-list-freed", _C, "attribute no longer fixed to {old}", "Attribut nicht mehr fest auf {old}",
        "the value of before stays valid", "der bisherige Wert bleibt gültig",
    ),
    Rule(
        "answer-values-narrower", _C, "{old} narrowed to {new}", "{old} verengt auf {new}",
        "an answer of now was valid before", "jetzige Antworten waren auch bisher gültig",
    ),
    Rule(
        "answer-values-wider", _T, "{old} widened to {new}", "{old} erweitert auf {new}",
        "generated code takes the value, checks and columns made for the old bounds may not",
        "erzeugter Code nimmt den Wert, Prüfungen und Spalten für die alten Grenzen vielleicht nicht",
        (_VALIDATING, "applications with columns of the old length", "gSOAP (lengths and bounds)"),
    ),
    Rule(
        "answer-code-added", _T, "codes added: {new}", "neue Codes: {new}",
        "who keeps codes as text goes on, a generated enumeration does not know them",
        "wer Codes als Text hält, arbeitet weiter; ein erzeugter Aufzählungstyp kennt sie nicht", _ENUM,
    ),
    Rule(
        "answer-code-removed", _C, "codes removed: {old}", "Codes entfallen: {old}",
        "an answer of now was valid before", "jetzige Antworten waren auch bisher gültig",
    ),
    Rule(
        "answer-list-changed", _T, "fixed attribute changed from {old} to {new}",
        "festes Attribut von {old} auf {new} geändert",
        "answers do not carry the attribute; who reads it from generated code reads the old value",
        "Antworten tragen das Attribut nicht; wer es aus erzeugtem Code liest, liest den alten Wert",
        ("clients that look at the list's version",),
    ),
    Rule(
        "answer-list-freed", _T, "attribute no longer fixed to {old}", "Attribut nicht mehr fest auf {old}",
        "an answer may carry another value", "eine Antwort kann einen anderen Wert tragen", (_VALIDATING,),
    ),
    Rule(
        "request-attribute-added", _C, "optional attribute {new} added", "optionales Attribut {new} kommt hinzu",
        "who does not send it stays valid", "wer es nicht sendet, bleibt gültig",
    ),
    Rule(
        "request-attribute-tightened", _B, "attribute {old} removed or made mandatory",
        "Attribut {old} entfällt oder wird Pflicht",
        "who sends as was allowed is refused", "wer sendet, wie es erlaubt war, wird abgewiesen",
    ),
    Rule(
        "request-attribute-loosened", _C, "attribute {old} made optional", "Attribut {old} wird optional",
        "who sends as before stays valid", "wer sendet wie bisher, bleibt gültig",
    ),
    Rule(
        "answer-attribute-added", _T, "attribute {new} added", "Attribut {new} kommt hinzu",
        "who ignores what it does not know goes on", "wer Unbekanntes übergeht, arbeitet weiter",
        (_VALIDATING, "Apache CXF"),
    ),
    Rule(
        "answer-attribute-loosened", _B, "mandatory attribute {old} removed or made optional",
        "Pflichtattribut {old} entfällt oder wird optional",
        "clients rely on it", "die Gegenstelle verlässt sich darauf",
    ),
    Rule(
        "answer-attribute-tightened", _C, "optional attribute {old} removed or made mandatory",
        "optionales Attribut {old} entfällt oder wird Pflicht",
        "an answer of now was valid before", "jetzige Antworten waren auch bisher gültig",
    ),
)  # fmt: skip

_SERVICE = (
    Rule(
        "contract-added", _C, "contract added", "Vertrag kommt hinzu",
        "nobody is built on it yet", "noch ist niemand darauf gebaut",
    ),
    Rule(
        "contract-removed", _B, "contract removed", "Vertrag entfällt",
        "its clients have nobody to call", "seine Gegenstellen haben niemanden mehr, den sie aufrufen können",
    ),
    Rule(
        "namespace-changed", _B, "namespace changed from {old} to {new}", "Namensraum von {old} auf {new} geändert",
        "every message is another one: a new major version stands beside the old",
        "jede Nachricht ist eine andere: eine neue Hauptversion steht neben der alten",
    ),
    Rule(
        "form-changed", _B, "element or attribute form changed from {old} to {new}",
        "Form der Elemente oder Attribute von {old} auf {new} geändert",
        "names are in another namespace", "Namen stehen in einem anderen Namensraum",
    ),
    Rule(
        "operation-added", _C, "operation {new} added", "Operation {new} kommt hinzu",
        "nobody calls it yet", "noch ruft sie niemand auf",
    ),
    Rule(
        "operation-removed", _B, "operation {old} removed", "Operation {old} entfällt",
        "who calls it is refused", "wer sie aufruft, wird abgewiesen",
    ),
    Rule(
        "element-added", _C, "global element {new} added", "globales Element {new} kommt hinzu",
        "nobody uses it yet", "noch verwendet es niemand",
    ),
    Rule(
        "element-removed", _B, "global element {old} removed", "globales Element {old} entfällt",
        "messages with it are no longer of this contract", "Nachrichten damit gehören nicht mehr zum Vertrag",
    ),
    Rule(
        "message-element-changed", _B, "element of the message changed from {old} to {new}",
        "Element der Nachricht von {old} auf {new} geändert",
        "the message is another one", "die Nachricht ist eine andere",
    ),
    Rule(
        "part-renamed", _B, "message part renamed from {old} to {new}", "Nachrichtenteil von {old} in {new} umbenannt",
        "generators take a part of another name than parameters for another call style",
        "Generatoren halten einen anders benannten Teil für einen anderen Aufrufstil",
        ("clients that read the WSDL when they run", "generated code that is made anew"),
    ),
    Rule(
        "message-renamed", _C, "message renamed from {old} to {new}", "Nachricht von {old} in {new} umbenannt",
        "names of messages are neither on the wire nor in calls",
        "Namen von Nachrichten stehen weder auf der Leitung noch in Aufrufen",
    ),
    Rule(
        "request-header-added", _B, "request header {new} added", "Kopf {new} der Anfrage kommt hinzu",
        "existing callers do not send it", "bisherige Anfragen enthalten ihn nicht",
    ),
    Rule(
        "request-header-removed", _B, "request header {old} removed", "Kopf {old} der Anfrage entfällt",
        "callers still send it, and marked mustUnderstand it is refused",
        "wer ihn noch mit mustUnderstand sendet, wird abgewiesen",
    ),
    Rule(
        "answer-header-added", _T, "answer header {new} added", "Kopf {new} der Antwort kommt hinzu",
        "unknown headers without mustUnderstand are ignored (SOAP 1.1, 4.2.3)",
        "unbekannte Köpfe ohne mustUnderstand werden übergangen (SOAP 1.1, 4.2.3)", (_VALIDATING,),
    ),
    Rule(
        "answer-header-removed", _B, "answer header {old} removed", "Kopf {old} der Antwort entfällt",
        "clients rely on it", "die Gegenstelle verlässt sich darauf",
    ),
    Rule(
        "header-part-required", _B, "{new} is mandatory in abrufkontext", "{new} ist im Kopf abrufkontext Pflicht",
        "callers that leave it out, as was allowed, are refused", "wer es weglässt, wie erlaubt war, wird abgewiesen",
    ),
    Rule(
        "header-part-optional", _C, "{old} is no longer mandatory in abrufkontext",
        "{old} ist im Kopf abrufkontext nicht mehr Pflicht",
        "who sends it stays valid", "wer es sendet, bleibt gültig",
    ),
    Rule(
        "fault-added", _T, "{new} added", "{new} kommt hinzu",
        "clients without a class for it see a plain SOAP fault",
        "Gegenstellen ohne eigene Klasse sehen einen einfachen SOAP-Fehler",
        ("clients that catch declared faults only",),
    ),
    Rule(
        "fault-removed", _B, "{old} removed", "{old} entfällt",
        "clients read its detail", "die Gegenstelle liest seine Einzelheit",
    ),
    Rule(
        "action-changed", _B, "soapAction changed from {old} to {new}", "soapAction von {old} auf {new} geändert",
        "a request with another SOAPAction is refused", "eine Anfrage mit anderer SOAPAction wird abgewiesen",
    ),
    Rule(
        "wire-changed", _B, "style, use or transport changed from {old} to {new}",
        "style, use oder transport von {old} auf {new} geändert",
        "messages are built in another way", "Nachrichten sind anders gebaut",
    ),
    Rule(
        "port-added", _C, "port {new} added", "Port {new} kommt hinzu",
        "clients keep the port they use", "Gegenstellen bleiben bei ihrem Port",
    ),
    Rule(
        "port-removed", _B, "port {old} removed", "Port {old} entfällt",
        "clients that use it do not find it", "Gegenstellen, die ihn verwenden, finden ihn nicht",
    ),
    Rule(
        "port-order-changed", _B, "first port changed from {old} to {new}", "erster Port von {old} auf {new} geändert",
        "clients that name no port take the first and speak another SOAP version",
        "wer keinen Port nennt, nimmt den ersten und spricht eine andere SOAP-Version",
        ("zeep", "PHP", "node soap", "Perl"),
    ),
    Rule(
        "service-renamed", _B, "service, port, binding or port type renamed from {old} to {new}",
        "Dienst, Port, Binding oder PortType von {old} in {new} umbenannt",
        "generated code and clients that read the WSDL find them by name",
        "erzeugter Code und Gegenstellen, die die WSDL lesen, finden sie beim Namen",
        ("JAX-WS", "zeep", "Axis 1", ".NET (configuration by contract name)"),
    ),
    Rule(
        "address-changed", _B, "address changed from {old} to {new}", "Adresse von {old} auf {new} geändert",
        "existing clients call the old one", "bisherige Gegenstellen rufen die alte auf",
    ),
    Rule(
        "type-renamed", _C, "type renamed from {old} to {new}", "Typ von {old} in {new} umbenannt",
        "names of types are not on the wire; classes made anew have another name",
        "Namen von Typen stehen nicht auf der Leitung; neu erzeugte Klassen heißen anders",
    ),
    Rule(
        "documentation-changed", _C, "documentation changed", "Dokumentation geändert",
        "no message is different; read it, for named rules and meanings stand there",
        "keine Nachricht ist anders; zu lesen, denn dort stehen benannte Regeln und Bedeutungen",
    ),
)  # fmt: skip

RULES: Final[Mapping[str, Rule]] = MappingProxyType({rule.name: rule for rule in (*_ELEMENTS, *_VALUES, *_SERVICE)})


def table() -> Iterator[str]:
    """The rules as lines of a Markdown table, as docs/contract-evolution.md has it."""
    yield "| rule | effect | what changes | why | breaks |"
    yield "|---|---|---|---|---|"
    for rule in RULES.values():
        what = rule.english.format(old="*old*", new="*new*")
        yield f"| `{rule.name}` | {rule.effect.value} | {what} | {rule.why} | {', '.join(rule.breaks) or '-'} |"

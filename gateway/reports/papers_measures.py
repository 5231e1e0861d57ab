"""Risks, the measures against them, and the tests that prove each measure, by name.

A test of the house looks whether every test named here exists: a paper cannot promise what nobody checks.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One technical or organisational measure (DSGVO Art. 32); `tests` are "file::function" below the tests' folder."""

    id: str
    title: str
    goal: str
    text: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Risk:
    """One risk for the persons concerned, how grave it is without measures and with them."""

    id: str
    text: str
    before: str
    measures: tuple[str, ...]
    after: str


MEASURES = (
    Measure(
        "M01",
        "Nur was die Vereinbarung nennt",
        "Datenminimierung",
        "Vertrag (XSD, WSDL), Feldfilter und Personenkreis werden aus der Vereinbarung berechnet. Ein Feld, das sie "
        "nicht nennt, gibt es im Vertrag der Anwendung nicht; jede Antwort wird vor dem Versand dagegen geprüft.",
        (
            "property/test_delivery.py::test_the_stock_is_everyone_in_scope_with_exactly_the_granted_fields",
            "property/test_delivery.py::test_the_feed_tells_exactly_the_same",
            "unit/agreements/test_projection.py::test_only_granted_fields_remain",
            "unit/exchange/test_pipeline.py::test_an_answer_with_an_undeclared_field_never_leaves",
        ),
    ),
    Measure(
        "M02",
        "Geschlossen ohne Vereinbarung",
        "Datenminimierung",
        "Ohne gültige Vereinbarung, am Tag nach ihrem Ende, mit unbekanntem Zweck oder ohne Pflichtangabe wird nichts "
        "mitgeteilt.",
        (
            "unit/agreements/test_agreement.py::test_out_of_force_refuses",
            "unit/agreements/test_agreement.py::test_an_unknown_purpose_is_refused",
            "unit/agreements/test_agreement.py::test_a_mandatory_header_part_is_demanded",
            "unit/exchange/test_pipeline.py::test_an_agreement_out_of_force_answers_nothing_else",
        ),
    ),
    Measure(
        "M03",
        "Besondere Kategorien nur im Einzelfall",
        "Datenminimierung",
        "Angaben nach DSGVO Art. 9 und Angaben der Freigabe „e“ gehen nur im Einzelabruf mit Aktenzeichen und "
        "Begründung hinaus, nie im Bestand und nie als Änderung. Medizinische Gründe erscheinen nur allgemein.",
        (
            "property/test_delivery.py::test_only_a_single_query_with_its_reason_tells_more",
            "unit/agreements/test_agreement.py::test_single_only_fields_are_never_in_bulk",
            "unit/agreements/test_projection.py::test_medical_reasons_are_generic",
        ),
    ),
    Measure(
        "M04",
        "Verbotene Angaben werden nicht übernommen",
        "Datenminimierung",
        "Was nie gebraucht wird (zum Beispiel Fahndung, Sicherheitsbefragung, Befunde), kommt nicht in den Speicher.",
        (
            "unit/sources/test_simulated.py::test_forbidden_fields_reach_the_store_nowhere",
            "fault/test_leaks.py::test_no_forbidden_value_is_in_any_answer",
        ),
    ),
    Measure(
        "M05",
        "Gesperrte Personen sind unsichtbar",
        "Vertraulichkeit",
        "Eine Person mit Auskunftssperre (Art 3 oder 11) sieht für jede Anwendung aus wie unbekannt. Die gemeinsame "
        "Anschrift der Familie wird verdeckt; gesperrte Angehörige werden nicht genannt.",
        (
            "property/test_delivery.py::test_the_blocked_are_nowhere",
            "unit/store/test_search.py::test_blocked_and_unknown_run_the_same_statements",
            "unit/store/test_neighbours.py::test_a_block_masks_the_home",
            "unit/agreements/test_projection.py::test_shelter_and_prison_mask_the_whole_address",
        ),
    ),
    Measure(
        "M06",
        "Jede Anwendung hat eigene Kennungen",
        "Nichtverkettung",
        "Die Personenkennung ist zufällig und bei jeder Anwendung eine andere; die AZR-Nummer geht nur zusätzlich zu "
        "den Grundpersonalien hinaus und nur, solange AZRG § 10 Abs. 4 es erlaubt.",
        (
            "property/test_delivery.py::test_no_identifier_links_what_two_applications_know",
            "unit/agreements/test_projection.py::test_the_azr_number_ends_with_the_settlement_permit",
            "unit/store/test_search.py::test_the_azr_number_only_narrows",
        ),
    ),
    Measure(
        "M07",
        "Verschlüsselter Speicher",
        "Vertraulichkeit",
        "Jede Person ist unter einem eigenen Schlüssel verschlüsselt (AES-256-GCM); die Schlüssel darüber liegen "
        "außerhalb der Datenbank. Suchschlüssel sind verschlüsselte Prüfwerte über Kombinationen von Merkmalen.",
        (
            "fault/test_leaks.py::test_no_secret_is_in_any_file",
            "fault/test_leaks.py::test_no_azr_number_is_in_any_file",
            "unit/store/test_vault.py::test_a_changed_bit_is_noticed_and_nothing_is_quoted",
            "unit/store/test_search.py::test_a_single_name_is_no_key",
        ),
    ),
    Measure(
        "M08",
        "Gegenseitige Anmeldung und verschlüsselter Weg",
        "Vertraulichkeit",
        "Nur das in der Vereinbarung festgelegte Client-Zertifikat wird zugelassen; TLS 1.2 oder 1.3 mit Verfahren "
        "nach BSI TR-02102-2. Fremde bekommen keine Auskunft, auch nicht darüber, was es gibt.",
        (
            "unit/exchange/test_server.py::test_weak_tls_is_refused",
            "unit/exchange/test_identity.py::test_no_pins_admit_nobody",
            "unit/exchange/test_pipeline_constant.py::test_strangers_get_403_and_leave_no_trace",
        ),
    ),
    Measure(
        "M09",
        "Fälschungssicheres Protokoll vor jeder Antwort",
        "Transparenz",
        "Keine Antwort verlässt das Haus, bevor dauerhaft protokolliert ist, wer welche Felder welcher Person zu "
        "welchem Zweck bekommt. Änderung, Einfügung und Entfernung werden erkannt.",
        (
            "unit/exchange/test_pipeline_constant.py::test_no_entry_no_answer",
            "unit/exchange/test_pipeline.py::test_the_entry_says_who_was_told_what",
            "unit/store/test_audit_verify.py::test_an_edit_of_any_column_is_found",
            "fault/test_request_crashes.py::test_a_server_killed_at_any_step_breaks_no_promise",
        ),
    ),
    Measure(
        "M10",
        "Signierte Antworten",
        "Integrität",
        "Jede Antwort ist signiert; signiert wird genau das, was geprüft und protokolliert wurde.",
        (
            "unit/wire/test_seal.py::test_the_body_in_the_message_is_the_body_that_was_audited",
            "unit/exchange/test_pipeline_constant.py::test_no_signature_no_answer",
        ),
    ),
    Measure(
        "M11",
        "Gehärtete Annahme fremder Nachrichten",
        "Verfügbarkeit",
        "Fremde Bytes gehen durch einen einzigen, begrenzten Parser ohne DTD und externe Verweise; jede Anfrage wird "
        "gegen den Vertrag geprüft, Mengen sind begrenzt.",
        (
            "unit/wire/test_xml.py::test_every_dtd_is_refused",
            "unit/wire/test_xml.py::test_floods_are_cheap",
            "unit/exchange/test_pipeline.py::test_the_budget_of_persons",
        ),
    ),
    Measure(
        "M12",
        "Löschung ist endgültig",
        "Intervenierbarkeit",
        "Mit dem Schlüssel der Person sind alle Fassungen vernichtet; weder ein voller Abruf noch eine Rücksicherung "
        "bringt sie zurück. Danach lautet die Auskunft: keine Daten.",
        (
            "unit/store/test_erasing.py::test_an_erased_person_never_comes_back",
            "unit/store/test_erasing.py::test_a_restore_brings_no_one_back",
            "unit/reports/test_subject.py::test_after_erasure_nothing_is_held",
        ),
    ),
    Measure(
        "M13",
        "Bestrittene Angaben werden zurückgehalten",
        "Intervenierbarkeit",
        "Ist die Verarbeitung einer Angabe eingeschränkt (DSGVO Art. 18), bekommt niemand den Wert, nur den Hinweis.",
        (
            "unit/agreements/test_projection.py::test_a_restricted_field_leaves_only_the_hint",
            "unit/reports/test_subject.py::test_contested_values_are_shown_as_contested_for_as_long_as_they_were",
        ),
    ),
    Measure(
        "M14",
        "Auskunft an die betroffene Person",
        "Transparenz",
        "Die Auskunft nennt jede gespeicherte Angabe, jeden Empfänger, Zweck und Rechtsgrund; Angaben über andere "
        "Personen werden zurückgehalten, gesperrte Personen nach dem Vier-Augen-Prinzip beauskunftet.",
        (
            "unit/reports/test_subject.py::test_every_field_held_is_told_or_withheld_by_a_named_rule",
            "unit/reports/test_subject.py::test_nothing_of_another_person_is_in_it",
            "unit/cli/test_subject.py::test_a_protected_person_needs_a_second_ones_word",
        ),
    ),
    Measure(
        "M15",
        "Richtigkeit an der Quelle",
        "Integrität",
        "Was das Datenmodell verletzt, wird nicht übernommen, sondern zurückgestellt und gemeldet; berichtigt wird nur "
        "in der Quelle.",
        (
            "unit/sources/test_simulated.py::test_every_special_case_is_taken_or_refused_as_it_must",
            "unit/store/test_quarantine.py::test_a_refused_block_hides_all_the_same",
        ),
    ),
    Measure(
        "M16",
        "Nichts geht verloren, nichts geschieht zweimal",
        "Verfügbarkeit",
        "Jede Änderung ist dauerhaft gespeichert, bevor sie gilt; ein Absturz an beliebiger Stelle hinterlässt einen "
        "vollständigen Bestand.",
        (
            "fault/test_poll_crashes.py::test_a_poll_killed_at_any_step_breaks_no_promise",
            "unit/store/test_database.py::test_what_cannot_be_durable_is_refused",
        ),
    ),
)
"""Everything that is done, in the order of the papers."""

RISKS = (
    Risk(
        "R01",
        "Ein Amt bekommt mehr, als seine Aufgabe verlangt (Übermaß, Zweckentfremdung)",
        "hoch",
        ("M01", "M02", "M03", "M09"),
        "gering",
    ),
    Risk(
        "R02",
        "Aufenthaltsort einer gefährdeten Person wird bekannt (Gefahr für Leib, Leben, Freiheit)",
        "sehr hoch",
        ("M05", "M07", "M14"),
        "gering; verbleibt bei Anschriften, die schon vor der Sperre mitgeteilt waren",
    ),
    Risk(
        "R03",
        "Ämter verknüpfen ihre Daten über gemeinsame Kennungen zu einem Gesamtbild",
        "hoch",
        ("M06",),
        "mittel; Namen und Geburtsdatum bleiben verknüpfbar",
    ),
    Risk(
        "R04",
        "Unbefugte lesen die Datenbank, eine Sicherung oder Protokolldateien",
        "hoch",
        ("M07", "M08"),
        "gering, solange die Schlüssel getrennt verwahrt werden",
    ),
    Risk("R05", "Ein Abruf bleibt unbemerkt oder wird nachträglich vertuscht", "hoch", ("M09", "M10"), "gering"),
    Risk(
        "R06",
        "Angaben sind falsch oder veraltet und führen zu Nachteilen",
        "mittel",
        ("M13", "M15", "M16"),
        "gering bis mittel; die Richtigkeit der Quelle selbst kann nicht geprüft werden",
    ),
    Risk("R07", "Gelöschte Personen tauchen wieder auf", "mittel", ("M12",), "gering; Sicherungen altern erst aus"),
    Risk("R08", "Gesundheitsdaten werden massenhaft bekannt", "hoch", ("M03", "M04", "M07"), "gering"),
    Risk("R09", "Angriff mit gefälschten oder schädlichen Nachrichten", "hoch", ("M08", "M10", "M11"), "gering"),
    Risk("R10", "Betroffene können ihre Rechte nicht ausüben", "mittel", ("M12", "M13", "M14"), "gering"),
)
"""What could happen to the persons concerned."""

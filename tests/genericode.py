"""Genericode files for tests: the published ones, and small ones of our own making."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from gateway.model import codelists
from gateway.model.codelists import CodeEntry, ListVersion
from gateway.upkeep import codelist_folder
from gateway.upkeep.codelist_folder import Entry

FOLDER = Path("fixtures/codelists")
PUBLISHED = {
    "auskunftssperre": "dsmeld-auskunftssperre_5",
    "ausweisdokument": "dsmeld-pass-und-ausweisdokumente_5",
    "erreichbarkeit": "xoev-erreichbarkeit_3",
    "familienstand": "dsmeld-familienstand_2",
    "geschlecht": "xinneres-geschlecht_1",
    "namensart": "xpersonenstand-namensart_1",
    "sprache": "xauslaender-sprachen_11",
    "staat": "destatis-staat_2024-08-01",
    "staatsangehoerigkeit": "destatis-staatsangehoerigkeit_2024-08-01",
}
"""List -> file of the XRepository, for every official list that is shipped."""


def published(name: str) -> bytes:
    """The Genericode file of a shipped list, as it was published."""
    plain = FOLDER / f"{PUBLISHED[name]}.gc.xml"
    return plain.read_bytes() if plain.is_file() else gzip.decompress(Path(f"{plain}.gz").read_bytes())


def genericode(
    name: str,
    version: str,
    rows: Sequence[Mapping[str, str]] | None = None,
    *,
    begins: str | None = None,
    without: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
) -> bytes:
    """A version of a known list: the shipped rows but those of `without`, with other or further `labels`, or `rows`."""
    known = codelists.index()[name]
    columns = list(next(iter(codelists.shipped(name).codes.values())).columns)
    if rows is None:
        kept = {code: dict(one.columns) for code, one in codelists.shipped(name).codes.items() if code not in without}
        for code, label in (labels or {}).items():
            like = kept.get(code) or {**dict.fromkeys(columns, ""), known.columns.code: code}
            kept[code] = {**like, known.columns.label: label}
        rows = list(kept.values())
    told = f"<Annotation><Description><v:validFrom>{begins}</v:validFrom></Description></Annotation>" if begins else ""
    uses = {known.columns.code: "required"}
    declared = "".join(
        f'<Column Id="{column}" Use="{uses.get(column, "optional")}"><ShortName>{column}</ShortName>'
        '<Data Type="string"/></Column>'
        for column in columns
    )
    body = "".join(
        "<Row>"
        + "".join(
            f'<Value ColumnRef="{column}"><SimpleValue>{escape(value)}</SimpleValue></Value>'
            for column, value in row.items()
            if value
        )
        + "</Row>"
        for row in rows
    )
    return (
        '<gc:CodeList xmlns:gc="http://docs.oasis-open.org/codelist/ns/genericode/1.0/" '
        f'xmlns:v="http://xoev.de/schemata/genericode/4">{told}<Identification><ShortName>{name}</ShortName>'
        f"<Version>{version}</Version><CanonicalUri>{known.uri}</CanonicalUri>"
        f"<CanonicalVersionUri>{known.uri}_{version}</CanonicalVersionUri></Identification><ColumnSet>{declared}"
        f'<Key Id="key"><ShortName>key</ShortName><ColumnRef Ref="{known.columns.code}"/></Key></ColumnSet>'
        f"<SimpleCodeList>{body}</SimpleCodeList></gc:CodeList>"
    ).encode()


def lay(folder: Path, name: str, version: str, raw: bytes, begins: date) -> Path:
    """The version lies in the folder as an import leaves it."""
    columns = codelists.index()[name].columns
    entry = Entry(
        list=name,
        version=version,
        sha256=sha256(raw).hexdigest(),
        begins=begins,
        imported=datetime(2026, 11, 23, tzinfo=UTC),
        code=columns.code,
        label=columns.label,
        valid_from=columns.valid_from,
        valid_to=columns.valid_to,
    )
    folder.mkdir(exist_ok=True)
    return codelist_folder.write(folder, entry, raw)


def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on as in a process that has not yet chosen or read a list."""
    monkeypatch.setattr(codelists, "_SHELF", codelists.Shelf())


def version(name: str, number: str, begins: date | None, **labels: str) -> ListVersion:
    """A version whose codes mean what is said."""
    codes = {code: CodeEntry(label, None, None, {}) for code, label in labels.items()}
    return ListVersion(name, number, begins, codes, "test")

"""The reader of exported trails: every change of the file is found, and no file can break the reader."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.errors import AuditError
from gateway.store.audit_anchor import CheckpointKey
from gateway.store.audit_chain import MerkleTree, batch_hash
from gateway.store.audit_export_format import LONGEST_LINE, key_fingerprint
from gateway.store.audit_verdict import Verdict
from gateway.store.audit_verify import verify_export
from tests.unit.store.audit_kit import a_house, rules
from tests.unit.store.test_audit_anchor import anchored_house


@dataclass
class File:
    """An exported file of four batches with three entries each, all anchored, and what somebody does to its lines."""

    folder: Path
    lines: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = (self.folder / "export").read_bytes().splitlines(keepends=True)

    def places(self, word: bytes) -> list[int]:
        return [place for place, line in enumerate(self.lines) if line.startswith(word + b"\t")]

    def replace(self, place: int, old: bytes, new: bytes) -> None:
        assert old in self.lines[place]
        self.lines[place] = self.lines[place].replace(old, new, 1)

    def swap(self, one: int, other: int) -> None:
        self.lines[one], self.lines[other] = self.lines[other], self.lines[one]

    def drop(self, *places: int) -> None:
        self.lines = [line for place, line in enumerate(self.lines) if place not in places]

    def verdict(self, path: Path) -> Verdict:
        path.write_bytes(b"".join(self.lines))
        return verify_export(path, public_key=self.folder / "checkpoint.pub")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an export and its public key, not to be changed."""
    folder = tmp_path_factory.mktemp("export")
    with a_house(folder) as house:
        anchored_house(house, checkpoints=4)
        house.export()
    return folder


@pytest.fixture
def file(exported: Path) -> File:
    return File(exported)


def entries(file: File) -> list[int]:
    return file.places(b"eintrag")


def delete_entry(file: File) -> None:
    file.drop(entries(file)[4])


def delete_last_entry(file: File) -> None:
    file.drop(entries(file)[-1])


def delete_block(file: File) -> None:
    file.drop(file.places(b"block")[1], *entries(file)[3:6])


def delete_last_block(file: File) -> None:
    file.drop(file.places(b"block")[-1], *entries(file)[-3:])


def delete_chain(file: File) -> None:
    file.drop(*file.places(b"block"), *entries(file), *file.places(b"kopf"))


def delete_checkpoint(file: File) -> None:
    file.drop(file.places(b"pruefpunkt")[1])


def delete_last_checkpoint(file: File) -> None:
    file.drop(file.places(b"pruefpunkt")[-1])


def forge_checkpoint(file: File) -> None:
    file.replace(file.places(b"pruefpunkt")[1], b'"gesamt":6', b'"gesamt":7')


def edit_entry(file: File) -> None:
    file.replace(entries(file)[4], b'"zweck":"U1"', b'"zweck":"U2"')


def edit_number(file: File) -> None:
    number = file.lines[entries(file)[4]].split(b"\t")[4]
    file.replace(entries(file)[4], number, number[:-4] + b"0000")


def edit_block(file: File) -> None:
    file.replace(file.places(b"block")[1], b'"zeitpunkt":"2026', b'"zeitpunkt":"2025')


def edit_texts(file: File) -> None:
    texts = file.lines[entries(file)[4]].split(b"\t")[5]
    file.replace(entries(file)[4], texts, texts[:8] + b"0" * 64)


def remove_texts(file: File) -> None:
    file.replace(entries(file)[4], file.lines[entries(file)[4]].split(b"\t")[5], b"-")


def remove_content(file: File) -> None:
    file.lines[entries(file)[4]] = file.lines[entries(file)[4]].rpartition(b"\t")[0] + b"\t-\n"


def swap_entries(file: File) -> None:
    file.swap(entries(file)[4], entries(file)[5])


def swap_blocks(file: File) -> None:
    file.swap(file.places(b"block")[1], file.places(b"block")[2])


def insert_entry(file: File) -> None:
    file.lines.insert(entries(file)[5] + 1, file.lines[entries(file)[5]].replace(b"\t2\t2\t", b"\t2\t3\t"))


def insert_block(file: File) -> None:
    file.lines.insert(entries(file)[5] + 1, file.lines[file.places(b"block")[1]])


def edit_head(file: File) -> None:
    file.replace(file.places(b"kopf")[0], b"\t12\t", b"\t13\t")


def erase_month(file: File) -> None:
    file.replace(file.places(b"monat")[0], b"vorhanden", b"geloescht")


def add_stray(file: File) -> None:
    file.replace(file.places(b"verwaist")[0], b"\t0", b"\t1")


def edit_header(file: File) -> None:
    file.replace(0, b'"zeitpunkt":"2026', b'"zeitpunkt":"2027')


def compute_anew(file: File) -> None:
    """Everything from the changed entry on fits together again; only the checkpoints cannot be made to."""
    edit_entry(file)
    previous = json.loads(file.lines[file.places(b"block")[1]].split(b"\t")[2])["vorgaenger"]
    for place in file.places(b"block")[1:]:
        tree, batch = MerkleTree(), json.loads(file.lines[place].split(b"\t")[2])
        for below in range(place + 1, place + 4):
            columns = file.lines[below].rstrip(b"\n").split(b"\t")
            tree.add(sha256(columns[6]).digest())
            file.lines[below] = (
                b"\t".join([*columns[:3], sha256(columns[6]).hexdigest().encode(), *columns[4:]]) + b"\n"
            )
        link = batch_hash(
            number=batch["block"],
            previous=bytes.fromhex(previous),
            root=tree.root(),
            entries=3,
            total=batch["gesamt"],
            time=batch["zeitpunkt"],
        ).hex()
        old = file.lines[place]
        new = old.replace(batch["vorgaenger"].encode(), previous.encode()).replace(
            batch["wurzel"].encode(), tree.root().hex().encode()
        )
        file.lines[place] = b"block\t" + link.encode() + b"\t" + new.split(b"\t")[2]
        file.replace(
            file.places(b"kopf")[0], file.lines[file.places(b"kopf")[0]].split(b"\t")[5], link.encode() + b"\n"
        )
        previous = link


TAMPERED: dict[str, tuple[Callable[[File], None], str, str]] = {
    "entry deleted": (delete_entry, "eintrag-entfernt", "Block 2: 1 von 3"),
    "last entry deleted": (delete_last_entry, "eintrag-entfernt", "Block 4: 1 von 3"),
    "block deleted": (delete_block, "block-entfernt", "Block 2 fehlt"),
    "last block deleted": (delete_last_block, "anker-voraus", "endet mit 9 bei Block 3"),
    "whole chain deleted": (delete_chain, "anker-voraus", "endet mit 0 bei Block 0"),
    "checkpoint deleted": (delete_checkpoint, "prüfpunkt-entfernt", "Zeile 2"),
    "last checkpoint deleted": (delete_last_checkpoint, "auszug-geändert", ""),
    "checkpoint forged": (forge_checkpoint, "prüfpunkt-gefälscht", "Zeile 2"),
    "entry edited": (edit_entry, "eintrag-geändert", "Block 2, Stelle 1"),
    "number edited": (edit_number, "nummer-geändert", "Block 2, Stelle 1"),
    "block edited": (edit_block, "block-geändert", "Block 2"),
    "texts edited": (edit_texts, "angaben-geändert", "Block 2, Stelle 1"),
    "texts removed": (remove_texts, "angaben-entfernt", "Block 2, Stelle 1"),
    "content removed": (remove_content, "inhalt-entfernt", "Block 2, Stelle 1"),
    "entries swapped": (swap_entries, "eintrag-vertauscht", "Block 2"),
    "blocks swapped": (swap_blocks, "block-entfernt", "Block 2 fehlt"),
    "entry inserted": (insert_entry, "eintrag-eingefügt", "Block 2: 1 Einträge zu viel"),
    "block inserted": (insert_block, "block-eingefügt", "Block 2"),
    "head edited": (edit_head, "kopf-geändert", "Block 4"),
    "month called erased": (erase_month, "segment-gelöscht", "2026-11"),
    "stray counted": (add_stray, "angaben-eingefügt", "1 versiegelte"),
    "header edited": (edit_header, "auszug-geändert", "geändert"),
    "computed anew": (compute_anew, "prüfpunkt-verletzt", "Block 2"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_with_the_file_is_named(file: File, folder: Path, name: str) -> None:
    """Each change has its rule and its place, and besides that the signature of the file is broken."""
    tamper, rule, place = TAMPERED[name]
    tamper(file)
    verdict = file.verdict(folder / "tampered")
    assert any(found.rule == rule and place in found.text for found in verdict.findings), verdict.findings
    assert "auszug-geändert" in rules(verdict)


def test_a_file_signed_by_somebody_else_is_found(file: File, folder: Path) -> None:
    """Without the house's key nobody can put a new end under it; with a key of their own it is another key's file."""
    other = CheckpointKey.create(folder)
    end = json.loads(file.lines[-1].split(b"\t")[1])
    file.lines[-1] = b"ende\t" + other.signed(end)
    assert rules(file.verdict(folder / "tampered")) == {"auszug-gefälscht"}
    with pytest.raises(AuditError, match="anderen öffentlichen Schlüssel"):
        verify_export(file.folder / "export", public_key=folder / "checkpoint.pub")
    name = json.loads(file.lines[0].split(b"\t")[1])["schluessel"]
    file.replace(0, name.encode(), key_fingerprint(other.public).encode())
    (folder / "tampered").write_bytes(b"".join(file.lines))
    forged = verify_export(folder / "tampered", public_key=folder / "checkpoint.pub")
    assert {"prüfpunkt-gefälscht", "auszug-geändert"} <= rules(forged)


def every_cut(file: File) -> Iterator[bytes]:
    whole = b"".join(file.lines)
    yield from (b"".join(file.lines[:end]) for end in range(len(file.lines)))
    yield from (whole[:end] for end in range(1, len(whole), 997))


def test_a_file_that_is_cut_off_cannot_be_told(file: File, folder: Path) -> None:
    """Wherever it breaks off, between lines or within one, the last line is missing and nothing is concluded."""
    for number, content in enumerate(every_cut(file)):
        (folder / str(number)).write_bytes(content)
        with pytest.raises(AuditError, match="Auszug, Zeile") as refused:
            verify_export(folder / str(number), public_key=file.folder / "checkpoint.pub")
        assert refused.value.code == "auszug-unlesbar"


DEEP = b"[" * 100_000
HOSTILE: dict[str, Callable[[File], None]] = {
    "nothing": lambda file: file.lines.clear(),
    "an empty line": lambda file: file.lines.insert(5, b"\n"),
    "another first line": lambda file: file.lines.insert(0, b"{}\n"),
    "zeros": lambda file: file.lines.insert(5, b"\x00" * 1000 + b"\n"),
    "zeros in an entry": lambda file: file.replace(entries(file)[0], b"U1", b"\x00\x00"),
    "no text": lambda file: file.replace(entries(file)[0], b"U1", b"\xff\xfe"),
    "a line beyond the limit": lambda file: file.lines.insert(9, b"eintrag\t" + b"x" * LONGEST_LINE + b"\n"),
    "a line without end": lambda file: file.lines.insert(9, b"eintrag\t" + b"x" * (4 * LONGEST_LINE)),
    "deep nesting in an entry": lambda file: file.replace(
        entries(file)[0], b'{"anfrage', b'{"x":' + DEEP + b'"anfrage'
    ),
    "deep nesting in a batch": lambda file: file.replace(file.places(b"block")[0], b'{"anzahl":', b'{"anzahl":' + DEEP),
    "deep nesting in the header": lambda file: file.replace(0, b'{"art":', b'{"art":' + DEEP),
    "deep nesting in a checkpoint": lambda file: file.replace(1, b'{"art":', b'{"art":' + DEEP),
    "deep nesting at the end": lambda file: file.replace(len(file.lines) - 1, b'{"art":', b'{"art":' + DEEP),
    "a key twice in a batch": lambda file: file.replace(
        file.places(b"block")[0], b'{"anzahl":3', b'{"anzahl":2,"anzahl":3'
    ),
    "a key twice in an entry": lambda file: file.replace(entries(file)[0], b'"zweck"', b'"zweck":"U9","zweck"'),
    "a key twice in the header": lambda file: file.replace(0, b'"format":1', b'"format":1,"format":1'),
    "a text for a number": lambda file: file.replace(file.places(b"block")[0], b'"anzahl":3', b'"anzahl":"3"'),
    "a fraction": lambda file: file.replace(file.places(b"block")[0], b'"anzahl":3', b'"anzahl":3.0'),
    "a huge number": lambda file: file.replace(file.places(b"block")[0], b'"anzahl":3', b'"anzahl":' + b"9" * 5000),
    "no number at all": lambda file: file.replace(file.places(b"block")[0], b'"anzahl":3', b'"anzahl":NaN'),
    "a list for an entry": lambda file: file.replace(entries(file)[0], b"{", b"[{"),
    "a huge place": lambda file: file.replace(entries(file)[0], b"\t1\t0\t", b"\t1\t" + b"9" * 5000 + b"\t"),
    "a negative place": lambda file: file.replace(entries(file)[0], b"\t1\t0\t", b"\t-1\t-1\t"),
    "half a surrogate": lambda file: file.replace(file.places(b"block")[0], b'"2026-', b'"\\ud800-'),
    "hashes that are none": lambda file: file.replace(file.places(b"block")[0], b'"wurzel":"', b'"wurzel":"zz'),
    "base64 that is none": lambda file: file.replace(entries(file)[0], b"\t1\t0\t", b"\t1\tbase64:*\t"),
    "columns missing": lambda file: file.replace(entries(file)[0], b"\t1\t0\t", b"\t1\t"),
    "columns too many": lambda file: file.replace(entries(file)[0], b"\t1\t0\t", b"\t1\t0\t0\t"),
    "an unknown record": lambda file: file.lines.insert(9, b"geheim\tCanary\n"),
    "records out of order": lambda file: file.lines.insert(1, file.lines.pop()),
    "something after the end": lambda file: file.lines.append(b"eintrag\t\n"),
    "two ends": lambda file: file.lines.append(file.lines[-1]),
    "a month twice": lambda file: file.lines.insert(file.places(b"monat")[0], b"monat\t2026-11\tvorhanden\n"),
    "too many months": lambda file: file.lines.insert(
        file.places(b"monat")[0], b"".join(b"monat\t%d\tvorhanden\n" % number for number in range(12_001))
    ),
    "too many heads": lambda file: file.lines.insert(file.places(b"kopf")[0], file.lines[-2] * 2),
    "a long checkpoint": lambda file: file.lines.insert(1, b"pruefpunkt\t" + b"x" * 10_000 + b"\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_breaks_the_reader(file: File, folder: Path, name: str) -> None:
    """A hostile file is a violation or cannot be told, never another error, and what stands in it is not repeated."""
    HOSTILE[name](file)
    try:
        said = repr(file.verdict(folder / "hostile").findings)
    except AuditError as error:
        said = f"{error.code}: {error}"
    assert said.startswith(("(Finding(", "auszug-unlesbar: "))
    assert "Canary" not in said


@pytest.mark.parametrize("name", ["a month twice", "too many months", "too many heads", "a long checkpoint"])
def test_what_would_pile_up_is_refused(file: File, folder: Path, name: str) -> None:
    """Months, heads and checkpoints are bounded by number or length, before anything of them is kept."""
    HOSTILE[name](file)
    with pytest.raises(AuditError, match="Auszug, Zeile"):
        file.verdict(folder / "hostile")


def test_what_is_no_file_cannot_be_told(file: File, folder: Path) -> None:
    """A folder, a device, nothing at all, or a name that no file has."""
    for path in (folder, Path("/dev/zero"), folder / "missing", Path("a\x00b")):
        with pytest.raises(AuditError) as refused:
            verify_export(path, public_key=file.folder / "checkpoint.pub")
        assert refused.value.code == "auszug-unlesbar"


def test_reading_needs_the_memory_of_one_line(file: File, folder: Path) -> None:
    """Ten times the lines need no more memory: neither entries nor months nor findings pile up."""

    def peak(copies: int) -> int:
        first, *rest = file.lines
        body = [line for line in rest if line.startswith((b"block", b"eintrag"))]
        (folder / "long").write_bytes(
            b"".join([first, file.lines[file.places(b"verwaist")[0]], *body * copies, rest[-1]])
        )
        tracemalloc.start()
        assert not verify_export(folder / "long", public_key=file.folder / "checkpoint.pub").intact
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return found

    peak(10)
    # The collector adds up to 30 kB by its own clock; 88 bytes kept of each of 5,000 lines would be 440 kB.
    assert peak(200) < peak(20) + 100_000

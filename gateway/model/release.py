"""What a value becomes before anyone outside is told of it: reasons of health and places of safety stay inside."""

from __future__ import annotations

from typing import Final

from gateway.model import codelists
from gateway.model.types import Tree

PROTECTED_PLACES: Final = frozenset({"schutzeinrichtung", "jva"})

GENERIC: Final = {
    "aufenthaltsstatus.art": {"DU02": "DU04"},
    "anschrift.art": dict.fromkeys(PROTECTED_PLACES, "sonstige"),
}


def release_code(path: str, code: str) -> str:
    """The code that may be told instead of `code` in the field `path` ("aufenthaltsstatus.art"), mostly itself.

    Duldung for medical reasons is told as Duldung for other reasons (AufenthG § 88 Abs. 2; DSGVO Art. 9); prison
    and shelter are told as `sonstige`.
    """
    return GENERIC.get(path, {}).get(code, code)


def mask_address(anschrift: Tree) -> Tree:
    """The address as it may be told: of a prison or a shelter only `{"art": "sonstige"}`, any other as it is."""
    return masked_address() if anschrift.get("art") in PROTECTED_PLACES else anschrift


def masked_address() -> Tree:
    """All that is told of an address that must not be known."""
    return {"art": "sonstige"}


def release_status(status: Tree) -> Tree:
    """The Aufenthaltsstatus as it may be told: its code generic, and no trace of why in its legal basis.

    The free text `rechtsgrundlage` of a Duldung for medical *and* for other reasons becomes the one norm of the
    code list: were only the medical one rewritten, it could be told by that.
    """
    art = status.get("art")
    generic = release_code("aufenthaltsstatus.art", art) if isinstance(art, str) else art
    if generic not in GENERIC["aufenthaltsstatus.art"].values():
        return status
    told: Tree = {**status, "art": str(generic)}
    if "rechtsgrundlage" in told:
        told["rechtsgrundlage"] = codelists.load("aufenthaltsstatus").codes[str(generic)].columns["rechtsgrundlage"]
    return told


def without(tree: Tree, path: str) -> Tree:
    """A copy of the tree without the field or group at the dotted `path`, in every item of a list."""
    name, _, below = path.partition(".")
    value = tree.get(name)
    if value is None:
        return tree
    if not below:
        return {key: kept for key, kept in tree.items() if key != name}
    if isinstance(value, dict):
        return {**tree, name: without(value, below)}
    if isinstance(value, list):
        return {**tree, name: [without(item, below) if isinstance(item, dict) else item for item in value]}
    return tree

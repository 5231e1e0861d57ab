"""The search form of a text: what two spellings of one name have in common when someone looks it up."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files

_LIST = "latin_list_search_form_1.3.txt"
_SILENT = "'`´’ʹʺʾʿˈˌ¨~·‡"
"""Marks inside a name that no two registers write alike (apostrophes, ayn, hamza): they vanish."""
_SEPARATING = re.compile(r"[\W_]")


def search_form(text: str) -> str:
    """The form under which a text is looked up: basic letters a-z and digits, words separated by one blank.

    Letters and sequences of DIN 91379 become the basic letters of its search form list (Ş -> s, ß -> ss, Ü -> ue,
    Ø -> oe; the ICAO 9303 transliteration); apostrophes, ayn and hamza vanish (N'Diaye -> ndiaye); every other
    character that is no letter and no digit separates words (Al-Hamwi -> "al hamwi"). Letters outside the list
    stay, casefolded, so that different texts do not meet. Sounds are left alone: Mohammed and Muhammad stay apart.
    Stable: `search_form(search_form(t)) == search_form(t)`, and NFC and NFD of a text have the same form.
    """
    expression, becomes = _mapping()
    form = expression.sub(lambda match: becomes[match[0]], unicodedata.normalize("NFC", text))
    form = unicodedata.normalize("NFC", form.casefold())
    return " ".join(_SEPARATING.sub(" ", form).split())


@cache
def _mapping() -> tuple[re.Pattern[str], dict[str, str]]:
    """One expression over all mapped letters and silent marks, longest first, and what each becomes."""
    becomes = dict.fromkeys(_SILENT, "")
    for line in files(__package__).joinpath(_LIST).read_text("utf-8").splitlines():
        _, _, codes, _, _, _, basic, _, _ = (part.strip() for part in line.split(";"))
        becomes[_text(codes)] = basic
    ordered = sorted(becomes, key=lambda letter: (-len(letter), letter))
    sequences = [letter for letter in ordered if len(letter) > 1]
    singles = "".join(letter for letter in ordered if len(letter) == 1)
    return re.compile("|".join([*sequences, f"[{singles}]"])), becomes


def _text(codes: str) -> str:
    return "".join(chr(int(code, 16)) for code in codes.split())

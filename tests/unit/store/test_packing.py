"""What is kept as JSON is written as RFC 8785 says."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agreements.projection import Part
from gateway.model.types import Value
from gateway.store.packing import joined, packed

NAMES = st.text("abcXYZ019_-.", min_size=1, max_size=8)
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.text(
        st.sampled_from([*map(chr, range(0x21)), '"', "\\", "/", "\x7f", "\x80", "\u2028", "\ufffe", "\U0001f600"])
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_packed_is_canonical_json(tree: dict[str, object]) -> None:
    """The bytes are those that the library for RFC 8785 makes."""
    assert packed(tree) == rfc8785.dumps(tree)  # type: ignore[arg-type]  # trees, as its types cannot say


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_parts_are_packed_like_their_tree(tree: dict[str, Value]) -> None:
    """In whichever order they come, also when each was encoded before."""
    parts = [Part(name, value) for name, value in tree.items()]
    assert joined(parts) == joined(parts[::-1]) == packed(tree)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"Geheimnis", "Geheimnis\ud800"])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    """No fraction that is none, no bytes, no half characters; the error does not hold what was to be packed."""
    with pytest.raises((TypeError, ValueError)) as caught:
        packed({"a": value})
    assert caught.value.__context__ is None
    assert "Geheimnis" not in repr(caught.value)
    with pytest.raises((TypeError, ValueError)) as caught:
        joined([Part("a", value)])  # type: ignore[arg-type]  # that is what is tried
    assert caught.value.__context__ is None
    assert "Geheimnis" not in repr(caught.value)

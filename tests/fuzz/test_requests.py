"""Requests drawn from the model itself, valid and nearly valid: whatever they say, the house does not break."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from lxml import etree

from gateway.agreements.context import Abrufkontext
from gateway.errors import CallerError, GatewayError
from gateway.exchange.message import Reply
from gateway.model.structure import Node, nodes
from gateway.model.types import Code, Tree, Value
from gateway.operations.registry import OPERATIONS
from tests.strategies import trees
from tests.whole_house import House, whole_house

APPLICATIONS = ("schulentwicklung", "sozialamt", "wohnung2000")
PURPOSES = {"schulentwicklung": "S1", "sozialamt": "L1", "wohnung2000": "U1"}
HOUSE_CODES = {one.code for one in GatewayError.__subclasses__() if one is not CallerError} | {GatewayError.code}
law = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The three shipped applications on an empty store."""
    with whole_house(tmp_path_factory.mktemp("requests") / "house", {}) as house:
        yield house


def written(level: tuple[Node, ...], tree: Tree) -> str:
    """The tree as XML, in the order of the schema."""
    return "".join(_element(node, item) for node in level for item in _items(tree.get(node.name)))


def _items(value: Value | None) -> list[Value]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _element(node: Node, value: Value) -> str:
    if isinstance(value, dict):
        return f"<{node.name}>{written(node.children, value)}</{node.name}>"
    text = str(value).lower() if isinstance(value, bool) else escape(str(value))
    return f"<{node.name}>{f'<code>{text}</code>' if isinstance(node.simple, Code) else text}</{node.name}>"


def asked(house: House, data: DataObject, *, sound: bool) -> tuple[str, str, str, dict[str, str]]:
    """Application, operation, content and context of a request that the model allows."""
    application = data.draw(st.sampled_from(APPLICATIONS))
    operation = data.draw(st.sampled_from(list(house.app.rules.agreements[f"{application}/1"].operations)))
    definition = OPERATIONS[operation]
    content = written(nodes(definition.request), data.draw(trees(definition.request, sound=sound)))
    context = {key: str(value) for key, value in data.draw(trees(Abrufkontext, sound=sound)).items()}
    context["verwendungszweck"] = data.draw(st.sampled_from([PURPOSES[application], context["verwendungszweck"]]))
    return application, operation.value, content, context


def check(reply: Reply) -> None:
    """An answer or a declared fault of the caller's, signed and audited; never a failure of ours."""
    assert reply.outcome not in HOUSE_CODES, reply.outcome
    assert reply.protocol is not None
    root = etree.fromstring(reply.body)
    assert (reply.outcome == "ok") == (root.find("{*}Body/{*}Fault") is None)


@settings(law, max_examples=60)
@given(st.data())
def test_what_the_model_allows_is_valid_and_never_breaks_anything(house: House, data: DataObject) -> None:
    """Every request that the model can say is valid by the published schema, and is answered or refused for cause."""
    application, operation, content, context = asked(house, data, sound=True)
    reply = house.reply(application, operation, content, **context)
    check(reply)
    assert reply.outcome != "nicht-schemakonform"


@settings(law, max_examples=100)
@given(st.data())
def test_what_is_nearly_valid_is_refused_for_cause(house: House, data: DataObject) -> None:
    """Elements dropped, doubled, moved, renamed or filled with anything at all: a declared fault, or an answer."""
    application, operation, content, context = asked(house, data, sound=False)
    root = etree.fromstring(f"<a>{UNWRITABLE.sub('', content)}</a>")
    for _ in range(data.draw(st.integers(1, 3))):
        spoil(root, data)
    inner = "".join(etree.tostring(child, encoding="unicode") for child in root)
    check(house.reply(application, operation, inner, **context))


UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document can carry (XML 1.0, 2.2)."""
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")), max_size=40)
NUMBERS = st.sampled_from(["-1", "0", "99999999999999999999", "1e9", " 1 ", "٣", "true", "1.0", "NaN", ""])


def spoil(root: etree._Element, data: DataObject) -> None:
    """One change to one element below the root; an empty root gets a child."""
    every = list(root.iterdescendants())
    if not every:
        etree.SubElement(root, data.draw(st.sampled_from(["anzahl", "person", "x"]))).text = data.draw(TEXTS | NUMBERS)
        return
    element = data.draw(st.sampled_from(every))
    parent = element.getparent()
    assert parent is not None
    how = data.draw(st.sampled_from(["text", "drop", "twice", "first", "rename", "attribute", "child", "tail"]))
    if how == "text":
        element.text = data.draw(TEXTS | NUMBERS)
    elif how == "drop":
        parent.remove(element)
    elif how == "twice":
        parent.append(etree.fromstring(etree.tostring(element, with_tail=False)))
    elif how == "first":
        parent.insert(0, element)
    elif how == "rename":
        element.tag = data.draw(st.sampled_from(["x", "personenkennung", "{urn:x}y", "code"]))
    elif how == "attribute":
        element.set(data.draw(st.sampled_from(["a", "{urn:x}b", "listURI"])), data.draw(TEXTS))
    elif how == "child":
        etree.SubElement(element, "x").text = data.draw(TEXTS)
    else:
        element.tail = data.draw(TEXTS)


def test_the_check_can_fail(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of ours is seen as one."""
    monkeypatch.setattr(type(house.app.store), "epoch", lambda _self: "not what the schema says")
    with pytest.raises(AssertionError):
        check(house.reply("wohnung2000", "dienstauskunft", verwendungszweck="U1"))

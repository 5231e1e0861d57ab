"""The rules of the house that no compiler checks: who makes the proofs, how long things are, what they are called."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "gateway"
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 45
BANNED = frozenset(
    {"manager", "handler", "helper", "helpers", "util", "utils", "common", "base", "data", "info", "process"}
)
NAMED_BY_OTHERS = {
    "process_bind_param": "SQLAlchemy's TypeDecorator calls it so",
    "process_result_value": "SQLAlchemy's TypeDecorator calls it so",
    "_OfProcess": "a process of the operating system is meant",
}
MADE_IN = {
    "Canonical": "wire/canonical.py",
    "Document": "wire/xml.py",
    "Grant": "agreements/agreement.py",
    "Receipt": "store/audit.py",
    "Tenure": "store/tenure.py",
    "Fenced": "store/tenure.py",
}
SIGNED_IN = {"exchange/seal.py", "exchange/selfattack.py"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def house() -> dict[str, ast.Module]:
    """Every module of ours by its path below `gateway/`."""
    files = sorted(path for path in ROOT.rglob("*.py") if "versions" not in path.parts)
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in files}


def called(node: ast.AST) -> str:
    """The last name of what is called: `audit.Receipt(...)` -> "Receipt"."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def length(function: Function) -> int:
    """Lines of a function without its docstring and decorators."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def names() -> Iterator[tuple[str, str]]:
    """(where, name) of every module, class and function."""
    for path, module in house().items():
        yield path, Path(path).stem
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef | Function):
                yield f"{path}:{node.lineno}", node.name


def words(name: str) -> set[str]:
    """The words of a name: `sealKey_ring` -> seal, key, ring."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def uses_of_sign(module: ast.Module) -> Iterator[int]:
    """Lines where the signer of `wire.seal` is named, however it was imported."""
    aliases: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module == "gateway.wire.seal":
            yield from (node.lineno for alias in node.names if alias.name in ("sign", "*"))
        if isinstance(node, ast.ImportFrom) and node.module == "gateway.wire":
            aliases |= {alias.asname or alias.name for alias in node.names if alias.name == "seal"}
        if isinstance(node, ast.Import):
            aliases |= {alias.asname or alias.name for alias in node.names if alias.name == "gateway.wire.seal"}
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr == "sign" and ast.unparse(node.value) in aliases:
            yield node.lineno


@cache
def callers() -> dict[str, set[str]]:
    """The files in which each name is called."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, module in house().items():
        for node in ast.walk(module):
            found[called(node)].add(path)
    return found


@pytest.mark.parametrize(("proof", "place"), MADE_IN.items())
def test_each_proof_is_made_in_its_one_place(proof: str, place: str) -> None:
    """A Document comes from the parser, a Grant from `permit`, a Receipt from the trail, a Tenure from the lock."""
    assert callers()[proof] == {place}


def test_only_the_sealer_signs() -> None:
    """`wire.seal.sign` is named where the Receipt is, and where the gateway plays its own client, nowhere else."""
    signers = {path for path, module in house().items() if path != "wire/seal.py" and any(uses_of_sign(module))}
    assert signers == SIGNED_IN


def test_the_pipeline_has_two_nets() -> None:
    """In the exchange every exception is caught at exactly two places, both in `Pipeline.answer`."""
    caught = [
        (path, handler.lineno)
        for path, module in house().items()
        if path.startswith("exchange/")
        for handler in ast.walk(module)
        if isinstance(handler, ast.ExceptHandler)
        and (handler.type is None or {"Exception", "BaseException"} & set(ast.unparse(handler.type).split()))
    ]
    assert [path for path, _ in caught] == ["exchange/pipeline.py"] * 2


def test_no_file_is_long() -> None:
    """No file has more than 400 lines."""
    long = {path: len((ROOT / path).read_text("utf-8").splitlines()) for path in house()}
    assert {path: lines for path, lines in long.items() if lines > MOST_LINES_OF_A_FILE} == {}


def test_no_function_is_long() -> None:
    """No function has more than 45 lines, its docstring not counted."""
    long = {
        f"{path}:{node.name}": length(node)
        for path, module in house().items()
        for node in ast.walk(module)
        if isinstance(node, Function) and length(node) > MOST_LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_names_say_something() -> None:
    """No module, class or function is called after nothing in particular."""
    found = {where: name for where, name in names() if words(name) & BANNED and name not in NAMED_BY_OTHERS}
    assert found == {}


def test_the_rules_can_fail() -> None:
    """The checks above see what they look for."""
    made = ast.parse("from gateway.wire import seal as s\ns.sign()\nfrom gateway.wire.seal import sign\nx.Receipt()")
    assert sorted(uses_of_sign(made)) == [2, 3]
    assert [called(node) for node in ast.walk(made) if called(node)] == ["sign", "Receipt"]
    assert words("_AuditDataStore") == {"audit", "data", "store"}
    assert words("XMLBase_info") == {"xml", "base", "info"}

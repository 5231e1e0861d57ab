"""Contracts of the shipped agreements, and a full, valid Tree for every element of a contract."""

from __future__ import annotations

import re
from datetime import date
from functools import cache

from lxml import etree

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City, load_city
from gateway.agreements.load import load_agreement
from gateway.agreements.operation import Operation
from gateway.contract.compiled import Contract, compile_contract
from gateway.contract.description import ComplexTypeDef, ElementDef
from gateway.model import codelists
from gateway.model.types import Code, Moment, Pattern, SimpleType, Text, Tree, Truth, Value, Whole
from gateway.shipped import schemas

TODAY = date(2026, 11, 23)
APPLICATIONS = ("schulentwicklung", "sozialamt", "statistikstelle", "wohnung2000")
XSI = "http://www.w3.org/2001/XMLSchema-instance"

_CANDIDATES = (
    "01234567-89ab-4cde-8f01-23456789abcd",
    "2024-05",
    "Eine-Zeile",
    "eine-kennung",
    *("0123456789abcdef"[:length] * times for length, times in ((16, 4), (16, 2), (16, 1))),
    *("1" * length for length in range(1, 17)),
)


@cache
def city() -> City:
    return load_city(schemas() / "stadt.toml")


@cache
def agreement(application: str) -> Agreement:
    return load_agreement(schemas() / application / "agreement.toml")


@cache
def contract(application: str) -> Contract:
    return compile_contract(agreement(application), city())


def response(of: Contract, operation: Operation) -> ElementDef:
    """The response element of an operation in the contract's description."""
    return next(item.response for item in of.description.operations if item.operation is operation)


def full(group: ComplexTypeDef) -> Tree:
    """Every field of the group with a valid value; repeated fields twice, if they may be."""
    tree: Tree = {}
    for field in group.fields:
        value: Value = full(field.type) if isinstance(field.type, ComplexTypeDef) else value_of(field.type)
        tree[field.name] = [value] * min(field.maximum or 2, 2) if field.repeated else value
    return tree


def minimal(group: ComplexTypeDef) -> Tree:
    """Only the mandatory fields of the group."""
    mandatory = [field for field in group.fields if field.minimum]
    return {f.name: minimal(f.type) if isinstance(f.type, ComplexTypeDef) else value_of(f.type) for f in mandatory}


def value_of(simple: SimpleType) -> Value:
    """A valid value that differs from type to type where it can."""
    if isinstance(simple, Truth):
        return True
    if isinstance(simple, Whole):
        return simple.maximum
    if isinstance(simple, Code):
        return next(iter(codelists.load(simple.codelist).codes))
    if isinstance(simple, Text):
        return "Çelik-Ðđ Ünal"[: simple.max_length].strip()
    if isinstance(simple, Pattern):
        candidates = (*simple.pattern.split("|"), *_CANDIDATES)
        return next(text for text in candidates if re.fullmatch(simple.pattern, text))
    if simple.base == "xs:base64Binary":
        return "/9j/4AA="
    return "2024-02-29T12:00:00Z" if isinstance(simple, Moment) else "2024-02-29"


def request(of: Contract, body: str) -> etree._Element:
    """The payload element in `body`, in which NS stands for the contract's namespace."""
    return etree.fromstring(body.replace("NS", of.namespace))

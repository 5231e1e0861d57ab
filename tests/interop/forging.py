"""Answers that must not be believed: changed, moved, signed by another key, or sealed with what is public."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from lxml import etree

from gateway.wire.seal import Method, Profile, SigningKey, body_pieces, sign
from gateway.wire.soap import Version
from tests.interop.verifiers import DS, WSSE, WSU
from tests.unit.wire import wrapping

HMAC = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
Change = Callable[[etree._Element], None]


def forgeries(answer: bytes, profile: Profile, certificate: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each message that is made of this sound answer and must be refused."""
    changes = [changed_body, payload_replaced, no_signature, second_signature]
    if profile == "wsse":
        changes += [wrapping.body_to_header_same_id, wrapping.body_to_header_no_id, wrapping.body_to_header_other_id]
        changes += [wrapping.body_into_security, wrapping.body_into_body, forged_body_first, forged_body_last]
        changes += [wrapping.timestamp_to_header]
    else:
        changes += [wrapping.old_envelope_inside, receipt_removed, receipt_changed]
    for change in changes:
        root = etree.fromstring(answer)
        change(root)
        yield change.__name__, etree.tostring(root)
    yield "sealed_with_the_certificate", _by_hmac(answer, certificate)


def by_another_key(answer: bytes, profile: Profile, method: Method, key: Path, certificate: Path) -> bytes:
    """The same Body under a signature that is sound, but not the house's."""
    root = etree.fromstring(answer)
    version = next(one for one in Version if one.namespace == etree.QName(root).namespace)
    payload = etree.tostring(root[1][0], method="c14n", exclusive=True)
    pair = SigningKey.load(key, certificate, method)
    return sign(profile, version, (), body_pieces(version, payload, profile), pair, now=datetime.now(UTC))


def changed_body(root: etree._Element) -> None:
    """One letter more in the Body."""
    text = next(element for element in root[1].iter() if element.text)
    text.text = f"{text.text}0"


def payload_replaced(root: etree._Element) -> None:
    """Another payload."""
    root[1][0] = deepcopy(wrapping.FORGED)


def no_signature(root: etree._Element) -> None:
    """No signature at all."""
    signature = next(root.iter(f"{DS}Signature"))
    parent = signature.getparent()
    assert parent is not None
    parent.remove(signature)


def second_signature(root: etree._Element) -> None:
    """A copy of the signature beside it."""
    signature = next(root.iter(f"{DS}Signature"))
    signature.addnext(deepcopy(signature))


def forged_body_first(root: etree._Element) -> None:
    """A forged Body before the signed one: some stacks read the first."""
    root[1].addprevious(_forged(root[1]))


def forged_body_last(root: etree._Element) -> None:
    """A forged Body after the signed one: some stacks read the last."""
    root[1].addnext(_forged(root[1]))


def receipt_removed(root: etree._Element) -> None:
    """The header block `quittung` is taken away."""
    root[0].remove(root[0][0])


def receipt_changed(root: etree._Element) -> None:
    """The number in `quittung` is another."""
    root[0][0][0].text = "00000000-0000-0000-0000-000000000000"


def _forged(body: etree._Element) -> etree._Element:
    forged = deepcopy(body)
    forged.attrib.clear()
    forged[0] = deepcopy(wrapping.FORGED)
    return forged


def _by_hmac(answer: bytes, certificate: Path) -> bytes:
    """The certificate, which everyone has, taken as the secret of an HMAC."""
    root = etree.fromstring(answer)
    changed_body(root)
    signature = next(root.iter(f"{DS}Signature"))
    signature[0][1].set("Algorithm", HMAC)
    for reference in signature[0][2:]:
        reference[-1].text = b64encode(_digest(root, reference.get("URI") or "")).decode()
    octets = etree.tostring(
        etree.fromstring(etree.tostring(signature[0], with_tail=False)), method="c14n", exclusive=True
    )
    signature[1].text = b64encode(hmac.digest(certificate.read_bytes(), octets, "sha256")).decode()
    return etree.tostring(root)


def _digest(root: etree._Element, uri: str) -> bytes:
    parts = {"#Body": "{*}Body", "#Timestamp": f"{{*}}Header/{WSSE}Security/{WSU}Timestamp"}
    part = deepcopy(root.find(parts[uri]) if uri else root)
    if not uri:
        no_signature(part)
    return sha256(
        etree.tostring(etree.fromstring(etree.tostring(part, with_tail=False)), method="c14n", exclusive=True)
    ).digest()

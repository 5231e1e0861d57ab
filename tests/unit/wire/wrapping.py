"""Ways to rearrange a signed request; each changes the tree of a sound one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from lxml import etree

from .client import DS, ID, NS, SOAP, WSSE, WSU, X509

FORGED = etree.fromstring(f'<personAbrufen xmlns="{NS}"><personenkennung>forged</personenkennung></personAbrufen>')
Attack = Callable[[etree._Element], None]


def parts(root: etree._Element) -> tuple[etree._Element, ...]:
    """Header, Security, token, Timestamp, signature, Body of a wsse request."""
    header, body = root
    security = header.find(f"{{{WSSE}}}Security")
    return (header, security, *security, body)


def wrapper(header: etree._Element, moved: etree._Element) -> None:
    """Puts a part into a header block that nobody reads."""
    etree.SubElement(header, "{urn:evil}wrapper").append(moved)


def body_to_header_same_id(root: etree._Element) -> None:
    """The signed Body goes to a header block, a forged Body with its Id takes its place."""
    header, *_, body = parts(root)
    forged = deepcopy(body)
    forged[0][0].text = "forged"
    wrapper(header, body)
    root.append(forged)


def body_to_header_no_id(root: etree._Element) -> None:
    """The same, and the forged Body has no Id."""
    body_to_header_same_id(root)
    del root[-1].attrib[ID]


def body_to_header_other_id(root: etree._Element) -> None:
    """The same, and the forged Body has another Id."""
    body_to_header_same_id(root)
    root[-1].set(ID, "other")


def body_to_header_for_another_actor(root: etree._Element) -> None:
    """The same, the wrapper aimed at another actor."""
    body_to_header_other_id(root)
    root[0][-1].set(f"{{{SOAP}}}actor", "urn:nobody")


def body_into_security(root: etree._Element) -> None:
    """The signed Body goes into the security header."""
    body_to_header_other_id(root)
    parts(root)[1].append(root[0][-1])


def body_into_signature(root: etree._Element) -> None:
    """The signed Body goes into a ds:Object of the signature."""
    body_to_header_other_id(root)
    moved = root[0][-1]
    root[0].remove(moved)
    etree.SubElement(parts(root)[4], f"{{{DS}}}Object").append(moved[0])


def body_into_body(root: etree._Element) -> None:
    """The signed Body becomes a descendant of the forged one."""
    body = root[-1]
    root.remove(body)
    forged = etree.SubElement(root, f"{{{SOAP}}}Body")
    etree.SubElement(forged, "{urn:evil}wrapper").append(body)


def timestamp_to_header(root: etree._Element) -> None:
    """The signed Timestamp goes to a header block, a fresh one takes its place."""
    header, security, _, timestamp, signature, _ = parts(root)
    fresh = deepcopy(timestamp)
    fresh.set(ID, "fresh")
    wrapper(header, timestamp)
    signature.addprevious(fresh)
    header.insert(0, header[-1])
    assert security[1] is fresh


def timestamp_doubled(root: etree._Element) -> None:
    """A second Timestamp without Id."""
    timestamp = parts(root)[3]
    fresh = deepcopy(timestamp)
    del fresh.attrib[ID]
    timestamp.addprevious(fresh)


def same_id(name: str) -> Attack:
    """The Id of the Body on the payload too, under this attribute name."""

    def attack(root: etree._Element) -> None:
        root[-1][0].set(name, "B")

    return attack


def same_id_before(root: etree._Element) -> None:
    """A header block before everything carries the Body's Id."""
    block = etree.Element("{urn:evil}block")
    block.set(ID, "B")
    root[0].insert(0, block)


def child_in_value(root: etree._Element) -> None:
    """An element behind the text of SignatureValue."""
    etree.SubElement(root.find(f".//{{{DS}}}SignatureValue"), "{urn:evil}x")


def child_in_token(root: etree._Element) -> None:
    """An element behind the text of an X.509 token."""
    etree.SubElement(parts(root)[2], "{urn:evil}x")


def swapped_ids(root: etree._Element) -> None:
    """Body and Timestamp exchange their Ids."""
    *_, timestamp, _, body = parts(root)
    timestamp.set(ID, "B")
    body.set(ID, "TS")


def second_security(root: etree._Element) -> None:
    """A second security header, for another actor."""
    security = etree.SubElement(root[0], f"{{{WSSE}}}Security")
    security.set(f"{{{SOAP}}}actor", "urn:other")


def security_for_another_actor(root: etree._Element) -> None:
    """The only security header is for another actor."""
    parts(root)[1].set(f"{{{SOAP}}}actor", "urn:other")


def second_signature(root: etree._Element) -> None:
    """A copy of the signature beside it."""
    signature = parts(root)[4]
    twin = deepcopy(signature)
    del twin.attrib["Id"]
    signature.addnext(twin)


def signature_to_header(root: etree._Element) -> None:
    """The signature leaves the security header."""
    root[0].append(parts(root)[4])


def second_token(root: etree._Element) -> None:
    """A second token without Id."""
    token = parts(root)[2]
    twin = deepcopy(token)
    del twin.attrib[ID]
    token.addprevious(twin)


def no_token(root: etree._Element) -> None:
    """No token at all."""
    parts(root)[1].remove(parts(root)[2])


def no_timestamp(root: etree._Element) -> None:
    """No Timestamp at all."""
    parts(root)[1].remove(parts(root)[3])


def username_token(root: etree._Element) -> None:
    """Something else in the security header."""
    etree.SubElement(parts(root)[1], f"{{{WSSE}}}UsernameToken")


def changed_payload(root: etree._Element) -> None:
    """Another person is asked for."""
    root[-1][0][0].text = "forged"


def comment_in_digest(root: etree._Element) -> None:
    """A digest of something else stands before the true one, and a comment between."""
    value = root.find(f".//{{{DS}}}DigestValue")
    comment = etree.Comment("x")
    comment.tail, value.text = value.text, "AAAA"
    value.append(comment)


def reference_added(root: etree._Element) -> None:
    """A reference is added to SignedInfo after signing."""
    info = root.find(f".//{{{DS}}}SignedInfo")
    info.append(deepcopy(info[-1]))


def signed_info_doubled(root: etree._Element) -> None:
    """A second SignedInfo (CVE-2025-29775 and its kind)."""
    info = root.find(f".//{{{DS}}}SignedInfo")
    info.addnext(deepcopy(info))


def token_in_key_info(root: etree._Element) -> None:
    """The token moves into KeyInfo."""
    root.find(f".//{{{WSSE}}}SecurityTokenReference").append(parts(root)[2])


def key_value(root: etree._Element) -> None:
    """KeyInfo offers a key of its own."""
    etree.SubElement(etree.SubElement(root.find(f".//{{{DS}}}KeyInfo"), f"{{{DS}}}KeyValue"), f"{{{DS}}}RSAKeyValue")


def no_key_info(root: etree._Element) -> None:
    """Nothing says whose signature it is."""
    info = root.find(f".//{{{DS}}}KeyInfo")
    info.getparent().remove(info)


def reference_elsewhere(root: etree._Element) -> None:
    """KeyInfo points at something that is not the token."""
    root.find(f".//{{{WSSE}}}Reference").set("URI", "#TS")


def other_token_type(root: etree._Element) -> None:
    """The token says that it is a chain."""
    parts(root)[2].set("ValueType", X509.replace("X509v3", "X509PKIPathv1"))


def actor_on_signature(root: etree._Element) -> None:
    """An attribute on ds:Signature that is not Id."""
    parts(root)[4].set("evil", "1")


WSSE_ATTACKS: list[Attack] = [
    body_to_header_same_id,
    body_to_header_no_id,
    body_to_header_other_id,
    body_to_header_for_another_actor,
    body_into_security,
    body_into_signature,
    body_into_body,
    timestamp_to_header,
    timestamp_doubled,
    same_id("Id"),
    same_id("ID"),
    same_id(ID),
    same_id("{http://www.w3.org/XML/1998/namespace}id"),
    same_id("{urn:x}Id"),
    same_id_before,
    child_in_value,
    child_in_token,
    swapped_ids,
    second_security,
    security_for_another_actor,
    second_signature,
    signature_to_header,
    second_token,
    no_token,
    no_timestamp,
    username_token,
    changed_payload,
    comment_in_digest,
    reference_added,
    signed_info_doubled,
    token_in_key_info,
    key_value,
    no_key_info,
    reference_elsewhere,
    other_token_type,
    actor_on_signature,
]


def signature_to_body(root: etree._Element) -> None:
    """The signature moves into the payload."""
    root[1][0].append(root[0][-1])


def signature_into_block(root: etree._Element) -> None:
    """The signature moves into another header block."""
    root[0][0].append(root[0][-1])


def block_added(root: etree._Element) -> None:
    """A header block is added."""
    root[0].insert(0, etree.Element("{urn:evil}block"))


def block_removed(root: etree._Element) -> None:
    """A header block is taken away."""
    root[0].remove(root[0][0])


def attribute_added(root: etree._Element) -> None:
    """An attribute is added to the Envelope."""
    root.set("{urn:evil}a", "b")


def old_envelope_inside(root: etree._Element) -> None:
    """The signed Envelope becomes part of a forged one, with its signature in the new header."""
    old, signature = deepcopy(root), root[0][-1]
    old[0].remove(old[0][-1])
    wrapper(root[0], old)
    root[0].append(signature)
    root[1][0][0].text = "forged"


def payload_replaced(root: etree._Element) -> None:
    """Another payload."""
    root[1][0] = deepcopy(FORGED)


def two_certificates(root: etree._Element) -> None:
    """A second certificate in KeyInfo."""
    data = root.find(f".//{{{DS}}}X509Data")
    data.append(deepcopy(data[0]))


def twin_signature(root: etree._Element) -> None:
    """A second signature beside the first."""
    root[0].append(deepcopy(root[0][-1]))


def second_timestamp(root: etree._Element) -> None:
    """A fresh Timestamp inside the signature, which is not signed."""
    fresh = deepcopy(root[0].find(f"{{{WSU}}}Timestamp"))
    root[0][-1].append(fresh)


UMSCHLAG_ATTACKS: list[Attack] = [
    signature_to_body,
    signature_into_block,
    block_added,
    block_removed,
    attribute_added,
    old_envelope_inside,
    payload_replaced,
    two_certificates,
    twin_signature,
    second_timestamp,
    key_value,
    no_key_info,
    comment_in_digest,
    signed_info_doubled,
]

"""Attacks on the signature of a request: parts moved, doubled, left out, or computed in a way nobody agreed to.

Each test first holds the sound request against the verifier, so that the attack is the only reason of the refusal.
"""

from __future__ import annotations

import pytest
import xmlsec
from lxml import etree

from gateway.errors import MessageRefused, SignatureRefused
from gateway.wire.seal import SigningKey

from .client import ENVELOPED, EXC, ID, NS, WSSE, Client, Ref
from .test_verify import key_pem, proved, refusal
from .wrapping import UMSCHLAG_ATTACKS, WSSE_ATTACKS, Attack, changed_payload, parts

FORGED = etree.fromstring(f'<personAbrufen xmlns="{NS}"><personenkennung>forged</personenkennung></personAbrufen>')


@pytest.fixture
def client(client_keys: dict[str, SigningKey]) -> Client:
    """A client with an EC key."""
    return Client(client_keys["ecdsa-p256-sha256"])


@pytest.mark.parametrize("attack", WSSE_ATTACKS, ids=lambda attack: attack.__qualname__)
def test_wsse_attack_is_refused(client: Client, attack: Attack) -> None:
    """No rearrangement of a sound wsse request is proved."""
    raw = client.wsse()
    proved(raw, client.key, "wsse")
    root = etree.fromstring(raw)
    attack(root)
    with pytest.raises((SignatureRefused, MessageRefused)):
        proved(etree.tostring(root), client.key, "wsse")


XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
TIMESTAMP = Ref("#TS")


@pytest.mark.parametrize(
    "habit",
    [
        {"refs": ()},
        {"refs": (TIMESTAMP,)},
        {"refs": (Ref("#B"),)},
        {"refs": (TIMESTAMP, TIMESTAMP)},
        {"refs": (Ref("#B"), Ref("#B"))},
        {"refs": (Ref("#B"), Ref("#X"))},
        {"refs": (TIMESTAMP, Ref("#B"), Ref("#X"))},
        {"refs": (TIMESTAMP, Ref(""))},
        {"refs": (TIMESTAMP, Ref("#nothing"))},
        {"refs": (TIMESTAMP, Ref("#xpointer(id(&apos;B&apos;))", octets=b"x"))},
        {"refs": (TIMESTAMP, Ref("cid:part", octets=b"x"))},
        {"refs": (TIMESTAMP, Ref("http://localhost/", octets=b"x"))},
        {"refs": (TIMESTAMP, Ref("file:///etc/hostname", octets=b"x"))},
        {"refs": (TIMESTAMP, Ref("#B", ()))},
        {"refs": (TIMESTAMP, Ref("#B", (ENVELOPED, EXC)))},
        {"refs": (TIMESTAMP, Ref("#B", (EXC, EXC)))},
        {"refs": (TIMESTAMP, Ref("#B", (EXC + "WithComments",)))},
        {"refs": (TIMESTAMP, Ref("#B", ("http://www.w3.org/TR/2001/REC-xml-c14n-20010315",)))},
        {"refs": (TIMESTAMP, Ref("#B", ("http://www.w3.org/2006/12/xml-c14n11",)))},
        {"refs": (TIMESTAMP, Ref("#B", (XPATH, EXC)))},
        {"refs": (TIMESTAMP, Ref("#B", ("http://www.w3.org/TR/1999/REC-xslt-19991116", EXC)))},
        {"refs": (TIMESTAMP, Ref("#B", digest="sha1"))},
        {"refs": (TIMESTAMP, Ref("#B", digest="sha512"))},
        {"refs": (TIMESTAMP, Ref("#B", method="http://www.w3.org/2000/09/xmldsig#sha1"))},
        {"c14n": EXC + "WithComments"},
        {"c14n": "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"},
        {"algorithm": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
        {"algorithm": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"},
        {"algorithm": "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"},
        {"algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"},
        {"algorithm": "none"},
        {"inside": "<ds:Object><x/></ds:Object>"},
        {"inside": "<ds:Object><ds:Manifest/></ds:Object>"},
        {"key_info": "<ds:KeyName>x</ds:KeyName>"},
        {"key_info": f'<wsse:SecurityTokenReference xmlns:wsse="{WSSE}"><ds:X509Data/></wsse:SecurityTokenReference>'},
        {
            "key_info": f'<wsse:SecurityTokenReference xmlns:wsse="{WSSE}"><wsse:Embedded/>'
            "</wsse:SecurityTokenReference>"
        },
    ],
    ids=str,
)
def test_what_was_not_agreed_is_refused_although_it_is_signed(client: Client, habit: dict[str, object]) -> None:
    """A holding signature over other parts, by other transforms or algorithms, proves nothing."""
    proved(client.wsse(), client.key, "wsse")
    with pytest.raises(SignatureRefused):
        proved(client.but(**habit).wsse(), client.key, "wsse")


def test_timestamp_with_unqualified_id_is_read(client: Client) -> None:
    """node-soap writes the Timestamp's Id without namespace."""
    raw = client.wsse()
    root = etree.fromstring(raw)
    timestamp = parts(root)[3]
    del timestamp.attrib[ID]
    timestamp.set("Id", "TS")
    parts(root)[1].remove(parts(root)[4])
    unsigned = etree.tostring(root)
    assert b'<wsu:Timestamp Id="TS">' in unsigned
    signed = client._sealed(root, parts_of_unsigned(root), token_reference())
    proved(signed, client.key, "wsse")


def parts_of_unsigned(root: etree._Element) -> etree._Element:
    """The security header."""
    return root[0][-1]


def token_reference() -> str:
    """KeyInfo's pointer at the token."""
    return f'<wsse:SecurityTokenReference xmlns:wsse="{WSSE}"><wsse:Reference URI="#X"/></wsse:SecurityTokenReference>'


def test_a_comment_in_a_digest_is_not_there(client: Client) -> None:
    """A comment inside DigestValue neither hides nor changes anything: what is signed is what is read."""
    raw = client.wsse()
    at = raw.index(b"<ds:DigestValue>") + 24
    proved(raw[:at] + b"<!-- x -->" + raw[at:], client.key, "wsse")


@pytest.mark.parametrize(
    "attack",
    UMSCHLAG_ATTACKS,
    ids=lambda attack: attack.__name__,
)
def test_umschlag_attack_is_refused(client: Client, attack: Attack) -> None:
    """No rearrangement of a sound request signed as a whole is proved."""
    raw = client.umschlag()
    proved(raw, client.key, "umschlag")
    root = etree.fromstring(raw)
    attack(root)
    with pytest.raises((SignatureRefused, MessageRefused)):
        proved(etree.tostring(root), client.key, "umschlag")


@pytest.mark.parametrize(
    "refs",
    [
        (Ref("", (EXC,)),),
        (Ref("", (EXC, ENVELOPED)),),
        (Ref("", (ENVELOPED,)),),
        (Ref("", (ENVELOPED, EXC), digest="sha1"),),
        (Ref("", (ENVELOPED, EXC)), Ref("", (ENVELOPED, EXC))),
        (Ref("#P", (ENVELOPED, EXC)),),
        (Ref("#P", (EXC,)),),
    ],
    ids=str,
)
def test_umschlag_signs_the_whole_message(client: Client, refs: tuple[Ref, ...]) -> None:
    """A holding signature over less than the whole message, or by other transforms, proves nothing."""
    habits = client.but(payload=f'<personAbrufen xmlns="{NS}" Id="P"/>')
    proved(habits.umschlag(), client.key, "umschlag")
    with pytest.raises(SignatureRefused):
        proved(habits.but(refs=refs).umschlag(), client.key, "umschlag")


@pytest.mark.parametrize(("before", "after"), [("", ""), ("\n  ", "\n"), ("\n", " \n\t")])
@pytest.mark.parametrize("alone", [True, False])
def test_white_space_around_the_signature_is_signed(client_keys, before: str, after: str, alone: bool) -> None:
    """python-xmlsec signs a printed message as a whole: the space around the signature stays where it is."""
    key = client_keys["rsa-sha256"]
    client = Client(key)
    root = etree.fromstring(
        client.but(header="" if alone else f'<abrufkontext xmlns="{NS}"/>').umschlag(timestamp=False)
    )
    header, old = root[0], root[0][-1]
    info = old[2]
    header.remove(old)
    template = xmlsec.template.create(root, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256)
    reference = xmlsec.template.add_reference(template, xmlsec.constants.TransformSha256, uri="")
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    template.append(info)
    header.append(template)
    template.tail = after
    if alone:
        header.text = before
    else:
        header[0].tail = before
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(key_pem(key), xmlsec.constants.KeyDataFormatPem, None)
    context.sign(template)
    proved(etree.tostring(root), key, "umschlag")


def test_each_refusal_has_its_code(client: Client) -> None:
    """The codes of refusals are stable."""
    root = etree.fromstring(client.wsse())
    changed_payload(root)
    assert refusal(etree.tostring(root), client.key, "wsse") == "signatur-ungueltig"
    assert refusal(client.but(refs=(TIMESTAMP,)).wsse(), client.key, "wsse") == "signatur-bezug"
    assert refusal(client.but(c14n=EXC + "WithComments").wsse(), client.key, "wsse") == "signatur-verfahren"
    assert refusal(client.but(algorithm="urn:none").wsse(), client.key, "wsse") == "signatur-verfahren"

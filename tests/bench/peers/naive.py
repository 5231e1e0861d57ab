"""The naive way: Spyne's own types and serialiser, its lxml validator, signxml on its event. NAIVE_* say what to serve.

Keys are loaded once and key objects handed to signxml; everything else is as the documentation of both shows it.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# isort: split
import gateway.contract.spyne_import  # noqa: F401 - makes Spyne's six importable on Python 3.12 and later

# isort: split
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner
from spyne import Application, ComplexModel, Integer32, ServiceBase, Unicode, rpc
from spyne.model.complex import ComplexModelMeta
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication

XS = "{http://www.w3.org/2001/XMLSchema}"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SCHEMA = etree.parse(os.environ["NAIVE_SCHEMA"])
PAGE = etree.parse(os.environ["NAIVE_PAGE"]).getroot()
NAMESPACE = etree.QName(PAGE).namespace
METHOD = SignatureMethod.RSA_SHA256 if os.environ["NAIVE_METHOD"] == "rsa-sha256" else SignatureMethod.ECDSA_SHA256
KEY = load_pem_private_key(Path(os.environ["NAIVE_KEY"]).read_bytes(), None)
CERTIFICATE = Path(os.environ["NAIVE_CERTIFICATE"]).read_text()
VALID = etree.XMLSchema(SCHEMA)
TYPES: dict[str, Any] = {}


def model(name: str) -> Any:
    """The Spyne class of a complex type of the schema; every simple type is a text."""
    if name not in TYPES:
        (declared,) = [one for one in SCHEMA.getroot().iterchildren(XS + "complexType") if one.get("name") == name]
        TYPES[name] = made(name, declared)
    return TYPES[name]


def made(name: str, declared: etree._Element) -> Any:
    groups = {one.get("name") for one in SCHEMA.getroot().iterchildren(XS + "complexType")}
    fields = []
    for element in declared.iterfind(f"{XS}sequence/{XS}element"):
        kind = (element.get("type") or "").partition(":")[2]
        many = element.get("maxOccurs", "1")
        occurs = {
            "min_occurs": int(element.get("minOccurs", "1")),
            "max_occurs": many if many == "unbounded" else int(many),
        }
        fields.append((element.get("name"), (model(kind) if kind in groups else Unicode).customize(**occurs)))
    return ComplexModelMeta(
        name, (ComplexModel,), {"__namespace__": NAMESPACE, "__type_name__": name, "_type_info": fields}
    )


def instance(kind: Any, element: etree._Element) -> Any:
    """The element as an object of Spyne's."""
    values: dict[str, Any] = {}
    for child in element:
        name = etree.QName(child).localname
        of = kind._type_info[name]
        value = instance(of, child) if len(child) else child.text or ""
        if of.Attributes.max_occurs == 1:
            values[name] = value
        else:
            values.setdefault(name, []).append(value)
    return (kind.__orig__ or kind)(**values)  # instances of customised classes cost a stack trace each


PERSON = model("Person")
FRAME = {etree.QName(one).localname: one.text for one in PAGE if not len(one)}
PERSONS = {one.findtext("{*}personenkennung"): one for one in PAGE.iterchildren("{*}person")}
SOME_PERSONS = PERSON.customize(max_occurs="unbounded", min_occurs=0)


class Service(ServiceBase):
    """The two operations that are measured."""

    @rpc(
        Unicode.customize(min_occurs=0),
        Integer32.customize(min_occurs=0),
        _args=["seitenmarke", "anzahl"],
        _returns=[Unicode, Unicode, SOME_PERSONS, Unicode.customize(min_occurs=0)],
        _out_variable_names=["bestandsnummer", "epoche", "person", "naechsteSeitenmarke"],
    )
    def bestandAbrufen(ctx: Any, _seitenmarke: str, anzahl: int) -> Any:  # noqa: N805 - as Spyne wants it
        """A page."""
        some = [instance(PERSON, one) for one in list(PERSONS.values())[:anzahl]]
        return FRAME["bestandsnummer"], FRAME["epoche"], some, FRAME.get("naechsteSeitenmarke")

    @rpc(Unicode, _args=["personenkennung"], _returns=PERSON, _out_variable_name="person")
    def personAbrufen(ctx: Any, personenkennung: str) -> Any:  # noqa: N805 - as Spyne wants it
        """A person."""
        return instance(PERSON, PERSONS[personenkennung])


def seal(ctx: Any) -> None:
    """The listener of `method_return_document`: check, receipt, signature."""
    envelope = ctx.out_document
    payload = envelope.find(f"{{{SOAP}}}Body/*")
    VALID.assertValid(payload)
    header = envelope.find(f"{{{SOAP}}}Header")
    if header is None:
        header = etree.Element(f"{{{SOAP}}}Header")
        envelope.insert(0, header)
    receipt = etree.SubElement(header, f"{{{NAMESPACE}}}quittung")
    salt, now = os.urandom(32).hex(), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha256(b"".join(ctx.in_string or [])).hexdigest()
    for name, text in (
        ("protokollnummer", str(uuid.uuid4())), ("eintragsHash", salt), ("salt", salt), ("zeitpunkt", now),
        ("anfrageDigest", digest), ("fassung", "3"), ("stand", now),
    ):  # fmt: skip
        etree.SubElement(receipt, f"{{{NAMESPACE}}}{name}").text = text
    VALID.assertValid(receipt)
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=METHOD,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(envelope, key=KEY, cert=CERTIFICATE)
    signed.find(f"{{{SOAP}}}Header").append(signed[-1])
    ctx.out_document = signed


Service.event_manager.add_listener("method_return_document", seal)
application = WsgiApplication(
    Application([Service], tns=NAMESPACE, in_protocol=Soap11(validator="lxml"), out_protocol=Soap11())
)

"""suds, with the WSDL alone; seal.py verifies the signature.

Usage: python3 client_suds.py task.json; one line of JSON per call goes to standard output.
"""

import json
import ssl
import sys
from pathlib import Path
from urllib.request import HTTPSHandler

from seal import verified
from suds import WebFault
from suds.client import Client
from suds.transport import TransportError
from suds.transport.http import HttpTransport


class MutualTls(HttpTransport):
    """suds' transport with a client certificate, which keeps the bytes of the last answer."""

    raw = b""

    def u2handlers(self):
        context = ssl.create_default_context(cafile=task["ca"])
        context.load_cert_chain(task["certificate"], task["key"])
        return [HTTPSHandler(context=context)]

    def send(self, request):
        try:
            reply = super().send(request)
        except TransportError as fault:
            self.raw = fault.fp.read()
            fault.fp = type("Read", (), {"read": lambda _: self.raw})()
            raise
        self.raw = reply.message
        return reply


def read(value, path):
    """The texts at a path of names, through lists."""
    if isinstance(value, list):
        return [text for item in value for text in read(item, path)]
    if value is None:
        return []
    return read(getattr(value, path[0], None), path[1:]) if path else [str(value)]


task = json.loads(Path(sys.argv[1]).read_text("utf-8"))
transport = MutualTls()
client = Client(task["wsdl"], transport=transport, cache=None)
context = client.factory.create(f"{{{task['namespace']}}}abrufkontext")
for name, text in task["context"].items():
    setattr(context, name, text)
client.set_options(soapheaders=[context])

for call in task["calls"]:
    said = {"operation": call["operation"]}
    try:
        answer = client.service[0][call["operation"]](**call["parameters"])
        header = client.last_received().getChild("Envelope").getChild("Header")
        said["protokollnummer"] = header.getChild("quittung").getChild("protokollnummer").getText()
        path = call["read"].split("/")
        # suds unwraps a response with one element: the answer is that element then.
        said["read"] = read(answer, path if hasattr(answer, path[0]) else path[1:])
    except WebFault as thrown:
        fehler = thrown.fault.detail.fehler
        said["fault"] = str(fehler.code)
        befund = getattr(fehler, "befund", [])
        said["read"] = [str(text) for text in (befund if isinstance(befund, list) else [befund])]
    said["verified"] = verified(transport.raw, task["signing"], task["profile"])
    print(json.dumps(said))

"""zeep, with the WSDL alone; seal.py verifies the signature.

Usage: python client.py task.json; one line of JSON per call goes to standard output.
"""

import json
import sys
from pathlib import Path

import requests
from seal import verified
from zeep import Client, Transport
from zeep.exceptions import Fault
from zeep.helpers import serialize_object


class Keeping(Transport):
    """zeep's transport, which keeps the bytes of the last answer."""

    raw = b""

    def post(self, address, message, headers):
        answer = super().post(address, message, headers)
        self.raw = answer.content
        return answer


def read(value, path):
    """The texts at a path of names, through lists."""
    if isinstance(value, list):
        return [text for item in value for text in read(item, path)]
    if value is None:
        return []
    return read(value.get(path[0]), path[1:]) if path else [str(value)]


task = json.loads(Path(sys.argv[1]).read_text("utf-8"))
session = requests.Session()
session.trust_env = False  # or REQUESTS_CA_BUNDLE would go before `verify`
session.verify = task["ca"]
session.cert = (task["certificate"], task["key"])
transport = Keeping(session=session)
client = Client(task["wsdl"], transport=transport)
(service,) = client.wsdl.services.values()
port = next(name for name in service.ports if name.endswith(f"Soap{task['soap'].replace('.', '')}"))
proxy = client.bind(service.name, port)

for call in task["calls"]:
    said = {"operation": call["operation"]}
    try:
        headers = {"abrufkontext": task["context"]}
        answer = proxy[call["operation"]](**call["parameters"], _soapheaders=headers)
        said["protokollnummer"] = answer.header.quittung.protokollnummer
        path = call["read"].split("/")
        body = answer.body
        # zeep unwraps a response with one element: the body is that element then.
        tree = serialize_object(body, dict)
        alone = not isinstance(tree, dict) or path[0] not in tree
        said["read"] = read(tree, path[1:] if alone else path)
    except Fault as fault:
        fehler = client.get_element(f"{{{task['namespace']}}}fehler")
        detail = fehler.parse(fault.detail.find(f"{{{task['namespace']}}}fehler"), client.wsdl.types)
        said["fault"] = detail.code
        said["read"] = list(detail.befund or [])
    said["verified"] = verified(transport.raw, task["signing"], task["profile"])
    print(json.dumps(said))

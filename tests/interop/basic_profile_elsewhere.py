"""The requirements of WS-I BP 1.1 and SSBP 1.0 that no check can look at, each with the reason."""

from __future__ import annotations

DEVIATIONS = {
    "R1019": "A RECEIVER MUST ignore the encoding pseudo-attribute of the envelope's XML declaration in a message. "
    "*A declaration that contradicts the charset is refused (`zeichensatz`): two readers could read two messages. "
    "The same encoding in both, or in one of them alone, is accepted.*",
    "R1113": 'An INSTANCE SHOULD use a "400 Bad Request" HTTP status code, if a HTTP request message is malformed. '
    "*So it is for HTTP. XML that is not well-formed, from an identified caller, is a signed fault under 500, which "
    "says where.*",
    "R1126": "For refusals before the caller is known (403, 413, 415 ...) *the envelope is a Fault under 4xx: R1125 "
    "asks for the status, and the text is for the eye of whoever reads the client's log. Every other Fault is under "
    "500.*",
}
OPTIONS = {
    "R1120": "Cookies: none are sent.",
    "R1130": "Redirects by 307: none are sent.",
    "R2009": "A byte order mark in imported schemas: nothing is imported.",
    "R2030": "wsdl:documentation as first child: used.",
    "R2114": "The target namespaces of WSDL and schema may be the same: they are.",
    "R2202": "soapbind:body elements with zero parts: none.",
    "R2207": "wsdl:parts with the element attribute that no rpc-literal body refers to: not needed.",
    "R2208": "Header parts in the message of the Body: not used; headers have messages of their own.",
    "R2302": "parameterOrder: not used.",
    "R2709": "Several bindings of one port type: in the two-port file.",
    "R2719": "No soapbind:headerfault if there are no known header faults: there are none.",
    "R2722": "The use attribute on soapbind:fault: given.",
    "R2742": "Faults with a detail that the WSDL does not describe: none.",
    "R2743": "Details of header faults in a header block: none.",
    "R2752": "A header block more than once: ours stand once, and a second `abrufkontext` is refused.",
    "R2753": "mustUnderstand on header blocks that the WSDL does not describe: none is sent.",
    "R2800": "Any construct from XML Schema 1.0: few are used, see wsdl-rules.md.",
    "R4002": "A byte order mark in the description: none.",
}
_CONSUMER = "The consumer's part; the stacks of [interop.md](interop.md) show that they can."
_CONSUMERS = (
    *("R1002", "R1003", "R1016", "R1030", "R1107", "R1109", "R1122", "R1123", "R1131", "R1132", "R2008", "R2027"),
    *("R2727", "R2744", "R2745", "R2747", "R2748", "R2750"),
)
CONSUMER = dict.fromkeys(_CONSUMERS, _CONSUMER)
_RPC = "rpc-literal bindings only; ours are document-literal."
_IMPORTS = "Imported schemas only; nothing is imported (R2004 is checked)."
_ONE_WAY = "One-way operations only; there are none."
NOT_OURS = (
    dict.fromkeys(("R1007", "R2203", "R2211", "R2214", "R2717", "R2726", "R2729", "R2735", "R2737", "R2755"), _RPC)
    | dict.fromkeys(("R2010", "R2011"), _IMPORTS)
    | dict.fromkeys(("R1112", "R2714"), _ONE_WAY)
    | {
        "R1028": "What is not done after a fault cannot be seen in messages; the pipeline ends there.",
        "R2025": "WSDL extensions must not contradict the profile: there are none besides the SOAP binding (R9802).",
        "R2113": "soapenc:arrayType in envelopes: the schema has no such attribute, and every answer is valid by it.",
        "R2213": "An empty parts attribute: none (R2209 is checked).",
        "R2301": "Order of several parts in the Body: there is one part.",
        "R2707": "A missing use attribute means literal: it is always given (R2706 is checked).",
        "R2741": "Known header faults: there are none.",
        "R9800": "Binding extensions that break the profile on the wire: none (R9802), and the wire is checked.",
    }
)

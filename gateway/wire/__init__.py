"""Bytes and trees: the one hardened parser, the SOAP envelope, XML-DSig."""

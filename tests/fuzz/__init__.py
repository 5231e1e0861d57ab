"""Bytes that nobody thought of, thrown at parser, envelope and signature verification."""

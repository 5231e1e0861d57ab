"""Attacks on a running gateway over real TLS: each must end in a refusal, cheaply, audited, and without an echo."""

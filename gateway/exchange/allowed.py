"""What of TLS is allowed: the lists of BSI TR-02102-2, as far as they are used here."""

from __future__ import annotations

from gateway.exchange.hello import TLS12, TLS13

SUITES = {
    TLS13: {0x1302: "TLS_AES_256_GCM_SHA384", 0x1301: "TLS_AES_128_GCM_SHA256"},
    TLS12: {
        0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
        0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
        0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
        0xC02F: "ECDHE-RSA-AES128-GCM-SHA256",
    },
}
"""Forward secrecy and AES-GCM only (BSI TR-02102-2, 3.3.1 and 3.4.4): no ChaCha20, no CBC, in no version."""

GROUPS = {
    23: "secp256r1",
    24: "secp384r1",
    25: "secp521r1",
    26: "brainpoolP256r1",
    27: "brainpoolP384r1",
    28: "brainpoolP512r1",
    31: "brainpoolP256r1tls13",
    32: "brainpoolP384r1tls13",
    33: "brainpoolP512r1tls13",
}
"""BSI TR-02102-2, 3.6.2: no x25519, no hybrids with it. The last three are Brainpool in TLS 1.3 (RFC 8734)."""

SIGNATURES = (
    *(f"ecdsa_secp{size}r1_sha{digest}" for size, digest in ((256, 256), (384, 384), (521, 512))),
    *(f"rsa_pss_rsae_sha{digest}" for digest in (256, 384, 512)),
    *(f"rsa_pss_pss_sha{digest}" for digest in (256, 384, 512)),
    *(f"rsa_pkcs1_sha{digest}" for digest in (256, 384, 512)),
)
"""SHA-256 and up. PKCS#1 v1.5 stays last: in TLS 1.3 it speaks of signatures in certificates only (RFC 8446, 4.2.3),
and without it a client whose certificate is signed so would not offer it (dated deviation in docs/decisions.md)."""

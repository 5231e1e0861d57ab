"""OpenSSL's own settings: ours are built upon the operator's, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.exchange.allowed import GROUPS
from gateway.exchange.openssl import compose, groups

FIPS = """\
HOME = .
openssl_conf = openssl_init   # the providers
.include %s
[openssl_init]
providers = provider_sect
alg_section = algorithm_sect
[provider_sect]
fips = fips_sect
base = base_sect
[algorithm_sect]
default_properties = fips=yes
"""


def sections(text: str) -> dict[str, list[str]]:
    """What is added, by section."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line
        found.setdefault(section, []).append(line)
    return found


def test_without_a_file_the_three_sections_are_ours() -> None:
    """The way OpenSSL finds the default of all contexts: openssl_conf, ssl_conf, system_default (config(5))."""
    found = sections(compose(None, ["secp256r1", "secp384r1"]))
    assert found["[default]"] == ["[default]", "openssl_conf = gateway_init"]
    assert found["[gateway_init]"] == ["[gateway_init]", "ssl_conf = gateway_ssl"]
    assert found["[gateway_ssl]"] == ["[gateway_ssl]", "system_default = gateway_tls"]
    policy = found["[gateway_tls]"]
    assert "Groups = secp256r1:secp384r1" in policy
    assert "Ciphersuites = TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256" in policy


def test_the_operators_providers_are_kept(tmp_path: Path) -> None:
    """His section is added to, not replaced; what he includes is read too."""
    more = tmp_path / "more.cnf"
    more.write_text(
        "[openssl_init]\nssl_conf = his_ssl\n[his_ssl]\nsystem_default=policy\n[policy]\nMinProtocol=TLSv1\n"
    )
    own = tmp_path / "own.cnf"
    own.write_text(FIPS % more)
    found = sections(compose(own, ["secp256r1"]))
    assert f".include {own}" in found[""]
    assert found["[openssl_init]"] == ["[openssl_init]", "ssl_conf = his_ssl"]
    assert found["[his_ssl]"] == ["[his_ssl]", "system_default = policy"]
    assert "MinProtocol = TLSv1.2" in found["[policy]"]


def test_the_last_setting_counts(tmp_path: Path) -> None:
    """As in OpenSSL: of two settings of one name the later one, wherever it is written; continued lines are one."""
    own = tmp_path / "own.cnf"
    own.write_text("openssl_conf = first\nopenssl_conf = \\\nsecond\n[x]\nsecond::ssl_conf = third\n")
    found = sections(compose(own, []))
    assert found["[second]"] == ["[second]", "ssl_conf = third"]


@pytest.mark.parametrize("content", [
    "openssl_conf = ${ENV::WHICH}\n",
    'openssl_conf = "quoted"\n',
    ".include $dir/x.cnf\nopenssl_conf = x\n",
    "openssl_conf = init\n[init]\nssl_conf = a b\n",
])  # fmt: skip
def test_what_cannot_be_built_upon_is_refused(tmp_path: Path, content: str) -> None:
    """A name that only OpenSSL itself could work out would lead our settings past the real section."""
    own = tmp_path / "own.cnf"
    own.write_text(content)
    with pytest.raises(SettingsError, match="OPENSSL_CONF"):
        compose(own, [])


def test_a_missing_or_endless_file_is_refused(tmp_path: Path) -> None:
    """Told, but not there; or a file that includes itself."""
    with pytest.raises(SettingsError, match=r"missing\.cnf"):
        compose(tmp_path / "missing.cnf", [])
    own = tmp_path / "own.cnf"
    own.write_text(f".include {own}\n")
    with pytest.raises(SettingsError, match="too much"):
        compose(own, [])


def test_only_groups_this_openssl_has_are_named() -> None:
    """One unknown name would make OpenSSL pass over the whole line."""
    found = groups()
    assert found[:3] == ["secp256r1", "secp384r1", "secp521r1"]
    assert set(found) <= set(GROUPS.values())

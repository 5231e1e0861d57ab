"""The settings of one installation: one TOML file plus environment, read once into a frozen object.

Unknown or missing keys refuse to start, all named at once. Relative paths count from the settings file; the path
`credential:NAME` is what systemd hands to the unit by `LoadCredential=NAME:...` (systemd.exec(5)).
`GATEWAY_<SECTION>_<KEY>` in the environment replaces one scalar value, for example GATEWAY_DATABASE_URL; the section
need not stand in the file.
"""

from gateway.settings.reading import Told, load, locate, origins
from gateway.settings.sections import (
    CodelistSettings,
    DatabaseSettings,
    HealthSettings,
    LogSettings,
    ProbeSettings,
    ProxySettings,
    QuarantineSettings,
    SandboxSettings,
    ServerSettings,
    Settings,
    SigningSettings,
    SourceSettings,
)

__all__ = [
    "CodelistSettings",
    "DatabaseSettings",
    "HealthSettings",
    "LogSettings",
    "ProbeSettings",
    "ProxySettings",
    "QuarantineSettings",
    "SandboxSettings",
    "ServerSettings",
    "Settings",
    "SigningSettings",
    "SourceSettings",
    "Told",
    "load",
    "locate",
    "origins",
]

"""The same findings in the words of each monitoring: JSON, Nagios and Icinga, Checkmk, Prometheus."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from gateway.health.finding import Finding, Levels, State, worst

_WORDS = {State.OK: "OK", State.WARNING: "WARN", State.CRITICAL: "CRIT", State.UNKNOWN: "UNKNOWN"}


def as_json(findings: Sequence[Finding], now: datetime) -> Iterator[str]:
    """One object; every finding with all it has, under stable names. `time` is when everything was looked at."""
    checks = [
        {
            "check": f.check,
            "state": f.state.name,
            "text": f.text,
            "remedy": f.remedy,
            "value": f.value,
            "unit": f.unit,
            "warning": f.levels.warning,
            "critical": f.levels.critical,
            "falling": f.levels.falling,
        }
        for f in findings
    ]
    told = {"state": worst(findings).name, "time": f"{now:%Y-%m-%dT%H:%M:%SZ}", "checks": checks}
    yield json.dumps(told, ensure_ascii=False, indent=2)


def as_nagios(findings: Sequence[Finding], _now: datetime) -> Iterator[str]:
    """One line, with performance data after the bar (Monitoring Plugins guidelines, "Performance data")."""
    bad = [f"{f.check}: {f.text}" for f in findings if f.state is not State.OK]
    summary = _line("; ".join(bad)).replace("|", "/") or f"{len(findings)} checks"
    # Their grammar has no exponents ([-0-9.] only), and no unit but a few.
    numbers = (
        f"'{_label(f.check)}'={_number(f.value)}{'B' if f.unit == 'B' else ''}{_ranges(f.levels)}"
        for f in findings
        if f.value is not None
    )
    yield f"GATEWAY {worst(findings).name} - {summary} | {' '.join(numbers)}"


def as_checkmk(findings: Sequence[Finding], _now: datetime) -> Iterator[str]:
    """A service per check, as a local check of the Checkmk agent: state, name, metrics, text."""
    for f in findings:
        levels = "" if f.levels == Levels() else ";" + ";".join(_level(one, f.levels) for one in _both(f.levels))
        metric = "-" if f.value is None else f"{_metric(f.check)}={_number(f.value)}{levels}"
        told = f.text if f.state is State.OK or not f.remedy else f"{f.text} - {f.remedy}"
        name = f.check.replace('"', "'")
        yield f'{f.state.value} "Gateway {_line(name)}" {metric} {_WORDS[f.state]}: {_line(told)}'


def as_prometheus(findings: Sequence[Finding], now: datetime) -> Iterator[str]:
    """Samples for the textfile collector of node_exporter (exposition format 0.0.4)."""
    yield "# HELP gateway_health_state State of a check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."
    yield "# TYPE gateway_health_state gauge"
    yield from (f'gateway_health_state{{check="{_escaped(f.check)}"}} {f.state.value}' for f in findings)
    measured = [f for f in findings if f.value is not None]
    if measured:
        yield "# HELP gateway_health_value What a check measured, in its unit."
        yield "# TYPE gateway_health_value gauge"
    for f in measured:
        labels = f'check="{_escaped(f.check)}",unit="{_escaped(f.unit)}"'
        yield f"gateway_health_value{{{labels}}} {_number(f.value or 0)}"
    yield "# HELP gateway_health_worst_state The worst state of all checks."
    yield "# TYPE gateway_health_worst_state gauge"
    yield f"gateway_health_worst_state {worst(findings).value}"
    yield "# HELP gateway_health_examined_timestamp_seconds When everything was looked at."
    yield "# TYPE gateway_health_examined_timestamp_seconds gauge"
    yield f"gateway_health_examined_timestamp_seconds {now.timestamp():.0f}"


Form = Callable[[Sequence[Finding], datetime], Iterator[str]]
FORMS: Mapping[str, Form] = MappingProxyType(
    {"json": as_json, "nagios": as_nagios, "checkmk": as_checkmk, "prometheus": as_prometheus}
)
"""Each gives lines, without their ends."""


def _ranges(levels: Levels) -> str:
    """ ";warning;critical" as ranges: "10" alerts above ten, "10:" below (guidelines, "Threshold and ranges")."""
    if levels == Levels():
        return ""
    return ";" + ";".join("" if one is None else f"{_number(one)}{':' * levels.falling}" for one in _both(levels))


def _both(levels: Levels) -> tuple[float | None, float | None]:
    return levels.warning, levels.critical


def _level(one: float | None, levels: Levels) -> str:
    """Checkmk writes "lower:upper", or the upper level alone."""
    if one is None:
        return ""
    return f"{_number(one)}:" if levels.falling else _number(one)


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _line(text: str) -> str:
    """In one line, and nothing in it that commands a terminal."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _label(text: str) -> str:
    return _line(text).replace("'", "").replace("=", "-").replace("|", "/")


def _metric(text: str) -> str:
    """A metric's name in Checkmk: letters, digits and underscores."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

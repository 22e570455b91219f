"""How a site's points are reached: the gateways of the site file, and how we prove who we are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from plant.points import GatewayId


class GatewayKind(StrEnum):
    """How a gateway is spoken to."""

    MODBUS = "modbus"
    PROMETHEUS = "prometheus"
    """A Prometheus server, asked by instant queries."""
    EXPORTER = "exporter"
    """An exporter's text page, scraped directly where there is no server."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom to trust and, where the other side asks, who we are. PEM files."""

    ca_file: Path
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """How we say who we are over HTTP. Secrets are files, never values in a site file."""

    username: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """One source of points. `target` is host:port for Modbus, a URL for Prometheus."""

    id: GatewayId
    kind: GatewayKind
    target: str
    poll_s: float = 10.0
    timeout_s: float = 2.0
    retries: int = 2
    gap_limit: int = 8
    """Registers that may be read in vain to join two blocks into one request."""
    min_write_interval_s: float = 0.0
    """A register written less than this ago is not written again (EEPROM wear). [s]"""
    tls: Tls | None = None
    login: Login | None = None

"""Where a gateway of the site file listens, and whether it can."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from plant.errors import ConfigError
from plant.gateways import Gateway, GatewayKind


def endpoint(gateway: Gateway) -> tuple[str, int]:
    """Host and port of a gateway's target.

    Raises
    ------
    ConfigError
        If the target is not host:port (Modbus) or an http URL (exporter).
    """
    if gateway.kind is GatewayKind.MODBUS:
        host, _, port = gateway.target.rpartition(":")
        if host and port.isdigit() and 0 < int(port) < 65536:
            return host, int(port)
        mend = "host:port"
    else:
        try:
            parts = urlsplit(gateway.target)
            if parts.scheme == "http" and parts.hostname:
                return parts.hostname, parts.port or 80
        except ValueError:
            pass
        mend = "http://host:port/metrics"
    raise ConfigError(f"gateway {gateway.id}", f"target {gateway.target!r} is not {mend}", f"write {mend}")


def require_free_port(host: str, port: int, thing: str) -> None:
    """Refuse early and clearly where somebody already listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise port_taken(host, port, thing, error) from error


def port_taken(host: str, port: int, thing: str, error: OSError | None = None) -> ConfigError:
    """The one line a person needs when a port cannot be had."""
    why = f" ({error.strerror})" if error is not None and error.strerror else ""
    return ConfigError(
        thing,
        f"cannot listen on {host}:{port}{why}",
        "stop what uses the port or change the gateway's target",
    )

"""How a gateway's target is reached: TCP, TLS, RTU frames over TCP, or a serial line.

| target | means |
| --- | --- |
| ``host:port`` or ``host`` | Modbus TCP (502), or Modbus/TCP Security (802) where the gateway has TLS |
| ``rtu+tcp://host:port`` | RTU frames over TCP, as serial device servers speak |
| ``serial:///dev/ttyUSB0?baudrate=19200&parity=E&stopbits=1`` | RTU on a serial line |
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient, AsyncModbusTlsClient

from plant.errors import ConfigError
from plant.gateways import Gateway
from telemetry.tls import tls_context

MODBUS_PORT, MODBUS_TLS_PORT = 502, 802
_LINE = {"baudrate", "parity", "stopbits", "bytesize"}

Client: TypeAlias = AsyncModbusTcpClient | AsyncModbusSerialClient
ClientMaker: TypeAlias = Callable[[], Client]


def client_maker(gateway: Gateway) -> ClientMaker:
    """What makes a fresh client for each connection; pymodbus's own retries and reconnect are off.

    Raises
    ------
    ConfigError
        If the target or the certificates are not usable.
    """
    if gateway.target.startswith("serial:"):
        return _serial(gateway)
    framed = gateway.target.startswith("rtu+tcp://")
    host, port = _host_and_port(gateway, gateway.target.removeprefix("rtu+tcp://"))
    tls = tls_context(gateway)
    timeout_s = gateway.timeout_s
    if tls is not None:
        if framed:
            raise ConfigError(f"gateway {gateway.id}", "has RTU frames and TLS", "keep one of the two")
        return lambda: AsyncModbusTlsClient(
            host, port=port, sslctx=tls, timeout=timeout_s, retries=0, reconnect_delay=0
        )
    framer = FramerType.RTU if framed else FramerType.SOCKET
    return lambda: AsyncModbusTcpClient(
        host, port=port, framer=framer, timeout=timeout_s, retries=0, reconnect_delay=0
    )


def _serial(gateway: Gateway) -> ClientMaker:
    where = f"gateway {gateway.id}"
    if find_spec("serial") is None:
        raise ConfigError(where, "is on a serial line and pyserial is missing", "install the extra 'serial'")
    parts = urlsplit(gateway.target)
    line = dict(parse_qsl(parts.query))
    unknown = set(line) - _LINE
    if unknown or not parts.path:
        raise ConfigError(
            where,
            f"target {gateway.target!r} is not a serial line",
            "use serial:///dev/ttyUSB0?baudrate=19200&parity=E&stopbits=1",
        )
    try:
        baudrate, bytesize = int(line.get("baudrate", 19200)), int(line.get("bytesize", 8))
        stopbits = int(line.get("stopbits", 1))
    except ValueError:
        raise ConfigError(where, f"target {gateway.target!r} has a wrong number", "correct it") from None
    return lambda: AsyncModbusSerialClient(
        parts.path,
        baudrate=baudrate,
        bytesize=bytesize,
        parity=line.get("parity", "E"),
        stopbits=stopbits,
        timeout=gateway.timeout_s,
        retries=0,
        reconnect_delay=0,
    )


def _host_and_port(gateway: Gateway, target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    if not host:
        return target, MODBUS_TLS_PORT if gateway.tls else MODBUS_PORT
    if not port.isdigit():
        raise ConfigError(f"gateway {gateway.id}", f"target {target!r} has no port number", "use host:port")
    return host.strip("[]"), int(port)

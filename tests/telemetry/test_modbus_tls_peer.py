"""Modbus/TCP Security: TLS with certificates on both sides, made by openssl."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from peer_programs import needs
from telemetry_kit import HandClock, bms, modbus_point
from wire_server import WireDevice

from plant.commands import Command, Confirmed
from plant.errors import ConfigError
from plant.gateways import Tls
from plant.quantities import Quantity
from plant.readings import Quality
from telemetry.modbus import ModbusGateway

pytestmark = pytest.mark.peer

SET = modbus_point("set", 0, Quantity.SUPPLY_AIR_TEMPERATURE_SETPOINT, scale=0.1)


def openssl(*options: str, cwd: Path) -> None:
    subprocess.run(["openssl", *options], cwd=cwd, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority, a device for 127.0.0.1, a client, and a client of another authority."""
    needs("openssl")
    folder = tmp_path_factory.mktemp("keys")
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for authority in ("ca", "stranger-ca"):
        made = ["-keyout", f"{authority}.key", "-out", f"{authority}.pem", "-subj", f"/CN={authority}"]
        openssl("req", "-x509", "-days", "2", *ec, *made, cwd=folder)
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n", encoding="utf-8")
    for name, authority in (("device", "ca"), ("client", "ca"), ("stranger", "stranger-ca")):
        openssl(
            "req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=folder
        )
        signing = ["-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial"]
        signed = ["-in", f"{name}.csr", "-out", f"{name}.pem", "-days", "2", "-extfile", "san"]
        openssl("x509", "-req", *signed, *signing, cwd=folder)
    return folder


async def secured(device: WireDevice, keys: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(keys / "ca.pem"))
    context.load_cert_chain(keys / "device.pem", keys / "device.key")
    context.verify_mode = ssl.CERT_REQUIRED
    await device.stop()
    await device.start(tls=context)
    device.set(0, [180])


def gateway(device: WireDevice, keys: Path, client: str | None, authority: str = "ca") -> ModbusGateway:
    cert = keys / f"{client}.pem" if client else None
    key = keys / f"{client}.key" if client else None
    tls = Tls(keys / f"{authority}.pem", cert, key)
    return ModbusGateway(replace(bms(device.port, timeout_s=2.0, retries=0), tls=tls), [SET], HandClock())


async def test_a_device_is_read_and_written_over_mutual_tls(device: WireDevice, keys: Path) -> None:
    await secured(device, keys)
    both = gateway(device, keys, "client")
    (reading,) = await both.read([SET])
    assert reading.value == 18.0
    (receipt,) = await both.write([Command(SET.id, 21.5)])
    assert isinstance(receipt, Confirmed)
    await both.close()


@pytest.mark.parametrize(
    ("client", "authority"), [(None, "ca"), ("stranger", "ca"), ("client", "stranger-ca")]
)
async def test_without_trust_on_both_sides_there_is_no_reading(
    device: WireDevice, keys: Path, client: str | None, authority: str
) -> None:
    await secured(device, keys)
    (reading,) = await gateway(device, keys, client, authority).read([SET])
    assert reading.quality is Quality.MISSING
    assert device.log == []


async def test_certificates_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="key tls: cannot be used"):
        ModbusGateway(replace(bms(802), tls=Tls(tmp_path / "gone.pem")), [SET], HandClock())

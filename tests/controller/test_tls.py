"""The API over TLS: with a certificate and a key in the settings it speaks HTTPS, and nothing else."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from api_kit import api_room
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from controller.serving import address, bind, is_loopback, serve_http
from controller.settings import Settings


def certificate(folder: Path) -> tuple[str, str]:
    """A certificate for this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "coolwright")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "server.pem", folder / "server.key"
    cert.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(cert), str(secret)


async def test_with_a_certificate_the_api_speaks_https_and_nothing_else(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    listening = bind(Settings(port=1).model_copy(update={"port": 0}))
    port = listening.getsockname()[1]
    settings = Settings(port=port, tls_certificate=cert, tls_key=key)
    stopping = asyncio.Event()
    service: Any = SimpleNamespace(controller=SimpleNamespace(settings=settings), stopping=stopping)
    d = api_room()
    serving = asyncio.create_task(serve_http(d.app, listening, service))
    trust = ssl.create_default_context(cafile=cert)
    headers = {"Authorization": f"Bearer {d.tokens['viewer']}"}
    async with httpx2.AsyncClient(verify=trust, headers=headers) as client:
        for _ in range(100):
            try:
                answer = await client.get(f"{address(settings)}/api/v1/whoami")
                break
            except httpx2.ConnectError:
                await asyncio.sleep(0.05)
        assert answer.json()["name"] == "viewer-1"
        with pytest.raises(httpx2.HTTPError):
            await client.get(f"http://127.0.0.1:{port}/healthz")
    stopping.set()
    await serving


def test_the_default_is_this_machine_only() -> None:
    assert is_loopback(Settings().host)
    assert [is_loopback(h) for h in ("::1", "localhost", "0.0.0.0", "10.0.0.7", "plant.example")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert address(Settings(host="::1")) == "http://[::1]:8080"

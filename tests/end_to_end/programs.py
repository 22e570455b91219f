"""The simulator and the controller as their users start them, and an API client as plain as curl."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[2]
START = "2026-07-20T00:00:00Z"
SPEED = 60.0


def coolwright(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "controller", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


@dataclass
class World:
    """A simulated site on its own ports, its past, and a place for a controller's databases."""

    folder: Path
    site: Path
    modbus_port: int
    api_port: int
    history: Path
    anchor: str

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'controller.sqlite'}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    def token(self, role: str = "operator", name: str = "Kim") -> str:
        done = coolwright("token", "issue", "--name", name, "--role", role, "--database", self.database)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def controller(self, *more: str, fresh: bool = True) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "controller", "run", str(self.site), "--mode", "advisory"]
        command += ["--port", str(self.api_port), "--database", self.database, "--accelerate", self.anchor]
        command += ["--historian", f"sqlite:///{self.folder / 'history.sqlite'}"]
        if fresh:
            command += ["--import-history", str(self.history)]
        command += more
        away = {**os.environ, "COOLWRIGHT_AUDIT_ANCHOR": str(self.folder / "away" / "audit.anchor")}
        return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=away)

    def setpoint_registers(self) -> dict[int, int]:
        """Every holding register of the plant's setpoints but the heartbeat, by a raw Modbus request."""
        found: dict[int, int] = {}
        for address in (100, 101, *(200 + 10 * n + k for n in range(8) for k in (0, 1))):
            found[address] = read_holding(self.modbus_port, address)
        return found


def read_holding(port: int, address: int) -> int:
    """One holding register, spoken by hand: MBAP header, function 3 (Modbus specification V1.1b3, 6.3)."""
    request = b"\x00\x01\x00\x00\x00\x06\x01\x03" + address.to_bytes(2, "big") + b"\x00\x01"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(request)
        answer = b""
        while len(answer) < 11:
            piece = wire.recv(64)
            assert piece, "the plant closed the connection"
            answer += piece
    assert answer[7] == 3, f"exception {answer[8]}"
    return int.from_bytes(answer[9:11], "big", signed=True)


def write_holding(port: int, address: int, raw: int) -> None:
    """One holding register written by hand, as from the plant's own panel (function 6, ibid. 6.6)."""
    body = b"\x01\x06" + address.to_bytes(2, "big") + raw.to_bytes(2, "big", signed=True)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(b"\x00\x01\x00\x00\x00\x06" + body)
        answer = wire.recv(64)
    assert answer[7] == 6, f"exception {answer[8]}"


class Api:
    """The API as curl would use it."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def get(self, path: str) -> Any:
        answer = self._http.get(path)
        answer.raise_for_status()
        return answer.json()

    def decide(self, proposal: dict[str, Any], decision: str, digest: str | None = None) -> int:
        body = {"decision": decision, "digest": digest or proposal["digest"], "reason": "test"}
        if decision == "reject":
            body["code"] = "not_now"
        return int(self._http.post(f"/api/v1/proposals/{proposal['id']}/decision", json=body).status_code)

    def pending(self) -> dict[str, Any] | None:
        found = self.get("/api/v1/proposals?status=pending&limit=1")
        return found[0] if found else None


def until(condition: Any, wall_s: float = 90.0, what: str = "condition") -> Any:
    """Wait for something to become true, and give it back."""
    deadline = time.monotonic() + wall_s
    while time.monotonic() < deadline:
        try:
            found = condition()
        except (httpx2.TransportError, httpx2.HTTPStatusError, OSError):
            found = None
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {wall_s:.0f} s")

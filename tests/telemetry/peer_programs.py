"""Programs that are not ours, to talk to: libmodbus, mbpoll, Prometheus, openssl."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HEADERS = Path("/usr/include/modbus")


def needs(*programs: str) -> None:
    """Skip, saying which program is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def wait_for_port(port: int, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as s:
            s.settimeout(0.2)
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


@contextmanager
def running(*command: str, port: int, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program, from when it listens until the block ends."""
    program = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield program
    finally:
        program.kill()
        program.wait()


def build_modbus_peer(folder: Path) -> Path:
    """The libmodbus device; skips where it cannot be built."""
    needs("gcc")
    if not (HEADERS / "modbus.h").exists():
        pytest.skip("libmodbus-dev is not installed")
    program = folder / "modbus_peer"
    source = HERE / "peers" / "modbus_peer.c"
    command = ["gcc", "-O1", f"-I{HEADERS}", "-o", str(program), str(source), "-lmodbus"]
    subprocess.run(command, check=True)
    return program

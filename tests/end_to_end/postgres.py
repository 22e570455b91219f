"""A real PostgreSQL server for the time of a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from loopback import free_port


def programs() -> Path:
    """PostgreSQL's own programs, or skip."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    if not found and on_path is None:
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")
    return found[-1].parent if found else Path(str(on_path)).parent


@contextmanager
def postgres_server() -> Iterator[str]:
    """The SQLAlchemy URL of an empty database; the server and its files are gone afterwards."""
    bin_dir, port = programs(), free_port()
    # PostgreSQL refuses to run as root; Debian has a user for it.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:
        if as_user:
            shutil.chown(folder, "postgres")
        data = str(Path(folder) / "data")
        quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "timeout": 60, "cwd": folder}
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        initdb = ["-D", data, "-A", "trust", "-U", "coolwright", "-E", "UTF8"]
        subprocess.run([*as_user, str(bin_dir / "initdb"), *initdb], **quiet)
        control = [*as_user, str(bin_dir / "pg_ctl"), "-D", data]
        subprocess.run([*control, "-o", options, "-l", f"{folder}/log", "start"], **quiet)
        try:
            _wait(bin_dir, port)
            yield f"postgresql+psycopg://coolwright@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


def _wait(bin_dir: Path, port: int) -> None:
    ready = [str(bin_dir / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(200):
        if subprocess.run(ready, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise TimeoutError("PostgreSQL was not ready in time")

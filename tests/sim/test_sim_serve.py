from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pandas as pd
import pytest
from loopback import free_port
from pymodbus.client import ModbusTcpClient


@pytest.fixture
def site_file(demo_file: Path, tmp_path: Path) -> Path:
    """The demo site on free ports."""
    text = demo_file.read_text().replace("127.0.0.1:15020", f"127.0.0.1:{free_port()}")
    path = tmp_path / "site.yaml"
    path.write_text(text.replace("127.0.0.1:19100", f"127.0.0.1:{free_port()}"))
    return path


def command(site: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "sim", "serve", "--site", str(site), *more]


@pytest.fixture
def running(site_file: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str], Path]]:
    history = tmp_path / "trends.parquet"
    arguments = ("--history", str(history), "--as-found-days", "0.05", "--excitation-days", "0.05")
    process = subprocess.Popen(
        command(site_file, "--speed", "600", "--watchdog-floor-wall-s", "2", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    yield process, ready, history
    if process.poll() is None:
        process.kill()
    process.wait(10)


def metric(url: str, line: str) -> float:
    return value_in(httpx2.get(url).text, line)


def value_in(text: str, line: str) -> float:
    return float(re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)[1])  # type: ignore[index]


def wait_for(condition: object, seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.1)


def test_the_program_serves_history_then_both_wires_and_the_dead_man_works(
    running: tuple[subprocess.Popen[str], dict[str, str], Path],
) -> None:
    process, ready, history = running
    assert ready["ready"] is True
    trends = pd.read_parquet(history)
    assert trends["time"].max().isoformat() == ready["start"] == "2026-07-20T00:00:00+00:00"

    url = ready["exporter"]
    began = metric(url, "sim_time_seconds")
    wait_for(lambda: metric(url, "sim_time_seconds") > began)

    host, port = ready["modbus"].split(":")
    client = ModbusTcpClient(host, port=int(port), timeout=2)
    assert client.connect()
    # A supervisor that beats and asks for warmer air, then dies.
    client.write_register(0, 1, device_id=1)
    client.write_register(200, 210, device_id=1)
    assert client.read_holding_registers(200, count=1, device_id=1).registers == [210]
    wait_for(lambda: client.read_input_registers(1, count=1, device_id=1).registers == [1])
    assert client.read_holding_registers(200, count=1, device_id=1).registers == [180]
    client.close()

    # One page, one instant: plant time runs on between two.
    page = httpx2.get(url).text
    both = {
        name: value_in(page, f'sim_true_energy_joules_total{{meter="facility",plant="{name}"}}')
        for name in ("controlled", "as_found")
    }
    assert both["controlled"] == pytest.approx(both["as_found"], rel=0.05)

    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert "Traceback" not in process.stderr.read()  # type: ignore[union-attr]


def test_history_alone_is_written_and_the_program_ends(site_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "past.csv"
    days = ("--as-found-days", "0.025", "--excitation-days", "0")
    arguments = [*command(site_file), "--history", str(path), *days]
    arguments[arguments.index("serve")] = "history"
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert path.read_text().splitlines()[-1].startswith("2026-07-20T00:00:00Z")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--weather", "atlantis"), "weather 'atlantis': is not known"),
        (("--start", "tomorrow"), "--start 'tomorrow'"),
        (("--history", "/no/such/folder/x.parquet"), "has no folder"),
    ],
)
def test_a_persons_mistake_is_one_line_and_exit_code_2(
    site_file: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = subprocess.run(
        command(site_file, *arguments), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_site_file_that_is_not_there_and_a_port_in_use(site_file: Path) -> None:
    done = subprocess.run(command(Path("none.yaml")), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "does not exist" in done.stderr) == (2, True)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", site_file.read_text())[1])  # type: ignore[index]
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        done = subprocess.run(command(site_file), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

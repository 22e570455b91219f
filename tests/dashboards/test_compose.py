"""The compose file and the image: checked against their schemas, and their commands really started."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from end_to_end.postgres import postgres_server
from end_to_end.programs import Api, coolwright, until
from loopback import free_port

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKER = shutil.which("docker")
TOOLS = Path(sys.executable).parent
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]


def test_the_compose_file_fits_the_compose_specification() -> None:
    done = subprocess.run(
        [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_docker_compose_itself_reads_the_file_where_it_is_installed() -> None:
    """Nothing is said where the plugin is not: the specification's schema is checked in any case."""
    plugin = (
        subprocess.run(["docker", "compose", "version"], capture_output=True, check=False) if DOCKER else None
    )
    if plugin is None or plugin.returncode != 0:
        return
    done = subprocess.run(
        ["docker", "compose", "--profile", "postgres", "-f", COMPOSE, "config", "--quiet"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_hadolint_finds_no_fault_with_the_dockerfile() -> None:
    done = subprocess.run(
        [TOOLS / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_healthy_pinned_and_without_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert re.search(r":v?\d+\.\d+", interpolated(service["image"])), "a tag that does not move"
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "cap_add" not in service
    assert service["read_only"] is True
    assert not service["user"].startswith(("0", "root"))


def test_nothing_is_published_beyond_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_there_is_no_secret_in_the_file() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|KEY", key):
                assert re.fullmatch(r"\$\{\w+:-\}", value), f"{key} has a value of its own"


def test_every_named_volume_is_declared_and_every_bind_exists() -> None:
    declared = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["volumes"]
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in declared


def test_the_image_has_every_package_the_wheel_has() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for package in packages:
        assert f"COPY {package} {package}" in dockerfile
        assert f"!{package}" in ignored


def test_prometheus_scrapes_a_name_that_resolves_to_the_controller() -> None:
    config = yaml.safe_load((ROOT / "dashboards/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    target = next(j for j in config["scrape_configs"] if j["job_name"] == "coolwright")["static_configs"][0]
    host, port = target["targets"][0].split(":")
    owner = SERVICES["controller"]["network_mode"].removeprefix("service:")
    assert host in SERVICES[owner]["networks"]["site"]["aliases"]
    assert f"--port={port}" in SERVICES["controller"]["command"]


def interpolated(text: str, **values: str) -> str:
    """What compose makes of ``${NAME:-default}`` and ``$$``."""

    def chosen(found: re.Match[str]) -> str:
        return values.get(found["name"], found["default"])

    return re.sub(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}", chosen, text).replace("$$", "$")


@contextmanager
def running(
    command: list[str], folder: Path, name: str, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    paths = {"PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **paths, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """The container's paths and ports, moved to a temporary folder and free ports."""
    modbus, exporter = free_port(), free_port()
    site = (ROOT / "examples" / "demo.yaml").read_text(encoding="utf-8")
    site = site.replace("127.0.0.1:15020", f"127.0.0.1:{modbus}").replace(":19100/", f":{exporter}/")
    (tmp_path / "site.yaml").write_text(site, encoding="utf-8")
    return {
        "/app/examples/demo.yaml": str(tmp_path / "site.yaml"),
        "examples/demo.yaml": str(tmp_path / "site.yaml"),
        "/var/lib/site-history": str(tmp_path),
        "/var/lib/coolwright": str(tmp_path),
        "19100": str(exporter),
        "0.0.0.0": "127.0.0.1",
        "8080": str(free_port()),
    }


def moved(text: str, here: dict[str, str]) -> str:
    for old, new in here.items():
        text = text.replace(old, new)
    return text


def healthy(service: str, here: dict[str, str], deadline_s: float) -> bool:
    """The service's own health check, as the file has it, until it passes."""
    check = [moved(part, here) for part in SERVICES[service]["healthcheck"]["test"][1:]]
    check[0] = sys.executable if check[0] == "python" else check[0]
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        if subprocess.run(check, capture_output=True, check=False).returncode == 0:
            return True
        time.sleep(0.5)
    return False


def first_pending(here: dict[str, str], settings: dict[str, str]) -> Callable[[], object]:
    """Asks the API, as an operator, whether a proposal waits."""
    database = settings["COOLWRIGHT_DATABASE"]
    issued = coolwright("token", "issue", "--name", "Kim", "--role", "operator", "--database", database)
    assert issued.returncode == 0, issued.stderr
    return Api(f"http://127.0.0.1:{here['8080']}", issued.stdout.strip()).pending


@pytest.mark.slow
def test_prometheus_starts_as_it_is_written(tmp_path: Path) -> None:
    port = str(free_port())
    command = [
        SERVICES["prometheus"]["image"].split("/")[1].split(":")[0],
        *SERVICES["prometheus"]["command"],
    ]
    here = {
        "/etc/prometheus/": f"{ROOT / 'dashboards' / 'prometheus'}/",
        "=/prometheus": f"={tmp_path / 'data'}",
    }
    if shutil.which(command[0]) is None:
        pytest.skip("needs Debian's prometheus")
    listening = f"--web.listen-address=127.0.0.1:{port}"
    with running([*(moved(part, here) for part in command), listening], tmp_path, "prometheus") as process:
        ready = f"http://127.0.0.1:{port}/-/ready"
        until(lambda: urllib.request.urlopen(ready, timeout=1).status == 200, 60, "prometheus")
        assert process.poll() is None


@pytest.mark.slow
def test_the_commands_of_simulator_and_controller_start_as_they_are_written(
    tmp_path: Path, here: dict[str, str]
) -> None:
    """A wrong flag fails here, on SQLite and as the PostgreSQL profile does it. Two as-found days in place
    of the file's, everything else as in the file."""
    site = [moved(interpolated(p, COOLWRIGHT_DEMO_DAYS="2"), here) for p in SERVICES["simulator"]["command"]]
    controller = [moved(interpolated(p), here) for p in SERVICES["controller"]["command"]]
    settings = {k: moved(interpolated(v), here) for k, v in SERVICES["controller"]["environment"].items()}
    with running(site, tmp_path, "simulator") as simulator:
        assert simulator.stdout is not None
        said = simulator.stdout.readline()
        assert said, (tmp_path / "simulator.log").read_text()
        assert json.loads(said)["ready"] is True
        assert healthy("simulator", here, 10)
        with running(controller, tmp_path, "controller", **settings):
            assert healthy("controller", here, 90), (tmp_path / "controller.log").read_text()
            until(first_pending(here, settings), 60, "one pending proposal within a minute")
            with urllib.request.urlopen(f"http://127.0.0.1:{here['8080']}/metrics", timeout=5) as page:
                assert b'coolwright_site_info{site="demo"' in page.read()
        with postgres_server() as url, running(
            controller, tmp_path, "on-postgres",
            **{**settings, "COOLWRIGHT_DATABASE": url, "COOLWRIGHT_HISTORIAN": url},
        ):  # fmt: skip
            assert healthy("controller", here, 120), (tmp_path / "on-postgres.log").read_text()
            until(first_pending(here, {"COOLWRIGHT_DATABASE": url}), 60, "a proposal kept in PostgreSQL")


def test_a_second_start_of_the_simulator_does_not_write_the_past_again(
    tmp_path: Path, here: dict[str, str]
) -> None:
    (tmp_path / "history.parquet").touch()
    script = moved(interpolated(SERVICES["simulator"]["command"][2]), here).replace(
        "exec python", "echo python"
    )
    done = subprocess.run(["sh", "-c", script, "simulator"], capture_output=True, text=True, check=True)
    words = shlex.split(done.stdout)
    assert "--history" not in words
    assert words[words.index("--speed") + 1] == "1"

"""The demo from start to end: simulator up, history in, plant learned, controller at work, result out."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console

from controller.auth import IssuedToken, Role, TokenBook
from controller.beside import make_beside
from controller.client import ApiClient
from controller.clock import AcceleratedClock, WallClock
from controller.demo.result import DemoSpan, write_result
from controller.demo.robot import approve_everything
from controller.demo.simulator import RunningSimulator, SimulatorOptions, simulator, write_past
from controller.demo.truth import as_json, read_truth
from controller.demo.view import show
from controller.knowledge import learn
from controller.modes import Mode
from controller.pace import POLL_WALL_S, paced
from controller.policies import start_planner
from controller.service import Service
from controller.serving import bind, make_app, serve_http, stop_on_signals
from controller.settings import load_settings
from controller.wiring import Controller, assemble
from plant.errors import ConfigError
from plant.site_file import load_site
from sim.faces.ports import endpoint, require_free_port
from telemetry.historian import Historian

KEPT_RUNS = 2


@dataclass(frozen=True)
class DemoOptions:
    """What a person asked for. `length` None runs until Ctrl-C."""

    site: Path
    weather: str
    start: str
    speed: float
    seed: int
    length: timedelta | None
    result: Path | None
    approve: bool
    host: str
    port: int
    folder: Path


def run_demo(options: DemoOptions, console: Console) -> None:
    """Run the demo; returns when it is over."""
    site = paced(load_site(options.site), options.speed)
    if options.result is not None and not options.result.resolve().parent.is_dir():
        raise ConfigError(f"result file {options.result}", "its folder does not exist", "create it first")
    folder = _fresh_folder(options.folder)
    settings = load_settings(
        {
            "host": options.host,
            "port": options.port,
            "database": f"sqlite:///{folder / 'coolwright.sqlite'}",
            "historian": f"sqlite:///{folder / 'history.sqlite'}",
            # A demonstration leaves nothing outside its folder.
            "audit_anchor": folder / "anchor" / "audit.anchor",
        }
    )
    listening = bind(settings)
    listening.close()  # only to refuse a used port before a minute of preparation
    for gateway in site.gateways:
        require_free_port(*endpoint(gateway), f"gateway {gateway.id} of the simulator")
    told = SimulatorOptions(
        site=options.site,
        weather=options.weather,
        start=options.start,
        speed=options.speed,
        seed=options.seed,
        as_found_days=8,
        excitation_days=4,
        history=folder / "history.parquet",
    )
    console.print("simulating twelve days of the site's past, as its trend export would hold them")
    write_past(told)
    historian = Historian(settings.historian)
    console.print(f"imported {historian.import_file(told.history):,} samples; learning the plant from them")
    knowledge = learn(site, historian, settings, datetime.fromisoformat(options.start))
    console.print(knowledge.sentence)
    early = [start_planner("mpc", site, knowledge, settings)]
    with simulator(told) as running:
        controller = assemble(
            site,
            settings,
            running.clock,
            historian=historian,
            initial=Mode.ADVISORY,
            plans_by=lambda known: early.pop() if early else start_planner("mpc", site, known, settings),
            knowledge=knowledge,
        )
        asyncio.run(_supervise(options, controller, running, console))


async def _supervise(
    options: DemoOptions, controller: Controller, running: RunningSimulator, console: Console
) -> None:
    service = Service(controller)
    stop_on_signals(service)
    settings, authority = controller.settings, controller.parts.authority
    tokens = TokenBook(authority.store, authority.audit)
    issued = _issue(tokens, "demo operator")
    listening = bind(settings)
    begun = running.clock.now()
    url = f"http://{settings.host}:{settings.port}"
    footer = f"console {url}/   API {url}/docs   metrics {url}/metrics   Ctrl-C ends\ntoken {issued.token}"
    console.print(footer, highlight=False, soft_wrap=True)
    beside = make_beside(controller)
    app = make_app(service, tokens, beside)
    companions = [lambda: serve_http(app, listening, service), *beside.companions(service.stopping)]
    if options.approve or options.length is not None:
        robot = ApiClient(url, _issue(tokens, "demo robot").token)
        companions.append(lambda: approve_everything(robot, service.stopping))
    if options.length is not None:
        end = begun + options.length
        companions.append(lambda: _until(end, running.clock, service, console))
    if console.is_terminal:
        companions.append(lambda: show(service, console, footer))
    try:
        await service.run(*companions)
        await _conclude(options, service, running, begun, console)
    finally:
        await controller.close()


async def _until(end: datetime, clock: AcceleratedClock, service: Service, console: Console) -> None:
    """End the demo at an instant of plant time; say each six hours how far it is."""
    begun = clock.now()
    said = begun
    while clock.now() < end and not service.stopping.is_set():
        await asyncio.sleep(min(1.0, max(0.05, (end - clock.now()).total_seconds() / clock.speed)))
        if clock.now() - said >= timedelta(hours=6) and not console.is_terminal:
            said += timedelta(hours=6)
            saving = service.controller.ledger.saving()
            so_far = "" if saving is None else f", saved {saving.facility_kwh:,.0f} kWh so far"
            console.print(f"{(said - begun).total_seconds() / 3600:.0f} h done{so_far}")
    service.stopping.set()


async def _conclude(
    options: DemoOptions, service: Service, running: RunningSimulator, start: datetime, console: Console
) -> None:
    """Write the result while the simulator and the stores still answer."""
    if options.result is None:
        return
    truth = await asyncio.to_thread(read_truth, running.exporter)
    step_s = max(120, int(2 * POLL_WALL_S * options.speed) // 60 * 60)
    span = DemoSpan(start, running.clock.now(), step_s)
    write_result(options.result, service, span, as_json(truth))
    console.print(f"result written to {options.result}")


def _issue(tokens: TokenBook, name: str) -> IssuedToken:
    return tokens.issue(name, Role.OPERATOR, timedelta(days=1), at=WallClock().now())


def _fresh_folder(parent: Path) -> Path:
    """A folder for this run; of older ones only the newest are kept."""
    parent.mkdir(parents=True, exist_ok=True)
    older = sorted(p for p in parent.iterdir() if p.is_dir() and p.name.startswith("run-"))
    for stale in older[: max(0, len(older) - KEPT_RUNS + 1)]:
        shutil.rmtree(stale)
    folder = parent / f"run-{WallClock().now():%Y%m%dT%H%M%S%f}"
    folder.mkdir()
    return folder

"""Supervising a real (or served) site, from options to the end: what ``coolwright run`` does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from controller.auth import TokenBook
from controller.beside import make_beside, open_oidc
from controller.clock import AcceleratedClock, WallClock
from controller.modes import Mode
from controller.pace import paced
from controller.service import Service
from controller.serving import address, bind, is_loopback, make_app, serve_http, stop_on_signals
from controller.settings import Settings
from controller.wiring import assemble
from plant.errors import ConfigError
from plant.ports import Clock
from plant.site import Site
from plant.site_file import load_site
from telemetry.historian import Historian

Say = Callable[[str], None]
_FIRST_MODES = (Mode.SHADOW, Mode.ADVISORY)


@dataclass(frozen=True)
class RunOptions:
    """What a person asked for on the command line."""

    site: Path
    import_history: Path | None
    policy: str
    mode: str
    accelerate: str | None


async def supervise(options: RunOptions, settings: Settings, say: Say) -> None:
    """Run until a signal. Everything a person can have got wrong is found before anything starts."""
    _keep_a_log()
    mode = first_mode(options.mode)
    clock, site = timed(load_site(options.site), options.accelerate)
    oidc = open_oidc(settings)
    listening = bind(settings)
    historian = Historian(settings.historian)
    if options.import_history is not None:
        say(f"importing {options.import_history}")
        say(f"{historian.import_file(options.import_history):,} samples imported")
    say("learning the plant from its history")
    controller = assemble(
        site,
        settings,
        clock,
        policy=options.policy,
        historian=historian,
        initial=mode,
        latch_file=latch_file(settings),
    )
    say(controller.knowledge.sentence)
    service = Service(controller)
    beside = make_beside(controller)
    tokens = TokenBook(controller.parts.authority.store, controller.parts.authority.audit)
    stop_on_signals(service)
    say(f"listening on {address(settings)}/ (API documentation at /docs)")
    if not settings.tls_certificate and not is_loopback(settings.host):
        say("warning: tokens cross the network unencrypted; set a TLS certificate or put a proxy in front")
    for remark in beside.anchoring.remarks:
        say(f"warning: {remark}")
    app = make_app(service, tokens, beside, oidc)
    try:
        companions = beside.companions(service.stopping)
        await service.run(lambda: serve_http(app, listening, service), *companions)
    finally:
        await controller.close()


def _keep_a_log() -> None:
    """On standard error: our own news (an anchor of the audit log, what was learned), others' warnings."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("controller").setLevel(logging.INFO)


def first_mode(text: str) -> Mode:
    """The mode of a first start: more than advisory is never given at a start."""
    allowed = {str(mode): mode for mode in _FIRST_MODES}
    if text not in allowed:
        raise ConfigError(f"mode {text!r}", "is not a mode to start in", f"use {' or '.join(allowed)}")
    return allowed[text]


def timed(site: Site, accelerate: str | None) -> tuple[Clock, Site]:
    """The clock, and the site with its times made fit for it."""
    if accelerate is None:
        return WallClock(), site
    clock = AcceleratedClock.parse(accelerate)
    return clock, paced(site, clock.speed)


def latch_file(settings: Settings) -> Path | None:
    """Where the stop is latched apart from the database: beside it."""
    if not settings.database.startswith("sqlite:///"):
        return Path("var/stop.latch")
    path = Path(settings.database.removeprefix("sqlite:///"))
    return path.with_suffix(".stop")

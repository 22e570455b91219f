"""What runs beside the cycle: jobs, webhooks, anchors. None of it may hold the plant's loop up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from controller.anchors import AnchorFile, Anchoring
from controller.drill import DeadManDrill
from controller.job_runner import JobRunner
from controller.jobs import JobBook
from controller.oidc import OidcSettings, OidcVerifier, parse_roles
from controller.settings import Settings
from controller.webhooks import Webhooks
from controller.wiring import Controller
from controller.workers import Workers
from plant.errors import ConfigError

Companion = Callable[[], Coroutine[object, object, None]]


@dataclass(frozen=True)
class Beside:
    """One controller's companions."""

    jobs: JobBook
    runner: JobRunner
    drill: DeadManDrill
    webhooks: Webhooks
    anchoring: Anchoring
    controller: Controller

    def companions(self, stopping: asyncio.Event) -> tuple[Companion, ...]:
        """Loops for `Service.run`; each ends when ``stopping`` is set."""
        alarms = self.controller.parts.authority.alarms
        loops: tuple[Companion, ...] = (
            self.runner.run,
            lambda: self.webhooks.run(alarms),
            self.anchoring.run,
        )
        return tuple(_until(stopping, loop) for loop in loops)


def make_beside(controller: Controller) -> Beside:
    """Everything beside one controller's cycle.

    Raises
    ------
    ConfigError
        If a webhook's address or secret is not one.
    """
    settings, authority, clock = controller.settings, controller.parts.authority, controller.parts.clock
    jobs, drill = JobBook(authority.store, authority.audit), DeadManDrill(controller.parts)
    urls = [url.strip() for url in settings.webhooks.split(",") if url.strip()]
    secret = _secret(settings.webhook_secret_file)
    webhooks = Webhooks(authority.store, urls, secret, site=controller.parts.site.id, clock=clock)
    authority.alarms.listen(webhooks.told)
    anchors = AnchorFile(settings.anchor_file)
    return Beside(
        jobs=jobs,
        runner=JobRunner(jobs, clock, Workers(controller, drill, settings.replay_runs).by_kind()),
        drill=drill,
        webhooks=webhooks,
        anchoring=Anchoring(authority.audit, authority.alarms, anchors, clock, settings.database_file),
        controller=controller,
    )


def open_oidc(settings: Settings) -> OidcVerifier | None:
    """Who checks the identity provider's tokens; None where the settings name no provider.

    Raises
    ------
    ConfigError
        If the settings are not complete.
    """
    if settings.oidc_issuer is None:
        return None
    return OidcVerifier(
        OidcSettings(
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience,
            roles=parse_roles(settings.oidc_roles),
            roles_claim=settings.oidc_roles_claim,
            name_claim=settings.oidc_name_claim,
        )
    )


def _secret(file: Path | None) -> bytes:
    if file is None:
        return b""
    try:
        return file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(
            f"webhook secret {file}", f"cannot be read ({error.strerror})", "correct the path"
        ) from None


def _until(stopping: asyncio.Event, loop: Companion) -> Companion:
    async def until() -> None:
        task = asyncio.ensure_future(loop())
        ending = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait({task, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            if not task.done():
                task.cancel()
        if task.done() and not task.cancelled():
            await task  # a bug in it ends the program, as in any other loop
            await stopping.wait()
        else:
            await asyncio.gather(task, return_exceptions=True)

    return until

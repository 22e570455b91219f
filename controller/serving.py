"""HTTP beside the loops: the API and console on one socket that is ours before anything else starts."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace

import uvicorn
from fastapi import APIRouter, FastAPI

from controller.api import ApiDeps, build_app
from controller.archive_routes import archive_routes
from controller.auth import TokenBook
from controller.beside import Beside
from controller.clock import WallClock
from controller.lever_routes import lever_routes
from controller.oidc import OidcVerifier
from controller.report_routes import report_routes
from controller.service import Service
from controller.settings import Settings
from controller.status import SiteStatus
from controller.switchback_routes import switchback_routes
from controller.wiring import Controller
from plant.errors import CannotGoOn, ConfigError
from reports.archive import Archive

BACKLOG = 2048


class _Server(uvicorn.Server):
    """Leaves signals to the program, which has more to end than HTTP."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(settings: Settings) -> socket.socket:
    """The listening socket: from here on the address is ours, and who asks early waits for the server.

    Raises
    ------
    ConfigError
        If the address is not to be had, or the certificate to be shown there is none.
    """
    _check_certificate(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        # Bound is not enough: until one listens, two may bind one port and a caller is turned away.
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"address {settings.host}:{settings.port}",
            f"cannot be used ({error.strerror or error})",
            "stop what uses it, or give another with --port",
        ) from None
    return listening


def _check_certificate(settings: Settings) -> None:
    cert, key = settings.tls_certificate, settings.tls_key
    if not cert and not key:
        return
    mend = (
        "set COOLWRIGHT_TLS_CERTIFICATE and COOLWRIGHT_TLS_KEY to PEM files that belong together, or neither"
    )
    if not cert:
        raise ConfigError(f"TLS key {key}", "is without a certificate", mend)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except OSError as error:  # what OpenSSL refuses is one too
        why = error.strerror or str(error)
        raise ConfigError(f"TLS certificate {cert}", f"cannot be used ({why})", mend) from None


def address(settings: Settings) -> str:
    """Where the API is to be found, as a URL."""
    scheme = "https" if settings.tls_certificate else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{scheme}://{host}:{settings.port}"


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_app(
    service: Service, tokens: TokenBook, beside: Beside, oidc: OidcVerifier | None = None
) -> FastAPI:
    """The API over a service and what runs beside it."""
    controller = service.controller
    parts, authority = controller.parts, controller.parts.authority
    deps = ApiDeps(
        site=parts.site,
        clock=parts.clock,
        wall=WallClock(),
        store=authority.store,
        audit=authority.audit,
        desk=authority.desk,
        modes=authority.modes,
        holds=authority.holds,
        standing=controller.standing,
        alarms=authority.alarms,
        limits=authority.limits,
        rollout=authority.rollout,
        jobs=beside.jobs,
        webhooks=beside.webhooks,
        tokens=tokens,
        snapshot=parts.snapshot,
        status=lambda: _remarked(service.status(), beside.anchoring.remarks),
        readiness=service.readiness,
        metrics=parts.metrics.render,
        events=service.events,
        stopping=service.stopping,
        nudge=service.nudge,
        replan=service.replan,
        drill_objection=beside.drill.objection,
        oidc=oidc,
    )
    return build_app(deps, routers_of(controller))


def _remarked(status: SiteStatus | None, remarks: tuple[str, ...]) -> SiteStatus | None:
    return None if status is None else replace(status, notes=(*status.notes, *remarks))


def routers_of(controller: Controller) -> tuple[APIRouter, ...]:
    """The routes that need more of a controller than `ApiDeps` holds."""
    parts, authority = controller.parts, controller.parts.authority
    return (
        report_routes(controller),
        archive_routes(Archive(controller.settings.report_archive)),
        switchback_routes(authority.switchback, parts.cycle_s),
        lever_routes(authority.truth),
    )


async def serve_http(app: FastAPI, listening: socket.socket, service: Service) -> None:
    """Answer until the service is stopping.

    Raises
    ------
    CannotGoOn
        If it ends before: a program that nobody can stop or look into any more is to be started again.
    """
    settings = service.controller.settings
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=2,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        lifespan="off",
    )
    server = _Server(config)
    answering = asyncio.create_task(server.serve(sockets=[listening]))
    ending = asyncio.create_task(service.stopping.wait())
    try:
        await asyncio.wait({answering, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not service.stopping.is_set():
            raise CannotGoOn(f"the API at {address(settings)} ended by itself: {_why(answering)}")
    finally:
        ending.cancel()
        server.should_exit = True
    await answering


def _why(ended: asyncio.Task[None]) -> str:
    error = None if ended.cancelled() else ended.exception()
    return "its server went home" if error is None else f"{type(error).__name__}: {error}"


def stop_on_signals(service: Service) -> None:
    """Ctrl-C and SIGTERM end the service in order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, service.stopping.set)

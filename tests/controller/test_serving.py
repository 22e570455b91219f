"""The address is the program's from the moment it is bound, and a program that nobody can reach ends."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from loopback import free_port

from controller.cli import main as command_line
from controller.serving import _Server, bind, serve_http
from controller.settings import Settings
from plant.errors import CannotGoOn, ConfigError


def test_who_asks_before_the_server_answers_waits_instead_of_being_turned_away() -> None:
    with (
        bind(Settings(port=free_port())) as listening,
        socket.create_connection(listening.getsockname()) as caller,
    ):
        caller.sendall(b"there?")
        server, _ = listening.accept()
        with server:
            assert server.recv(6) == b"there?"


def test_two_programs_do_not_share_a_port() -> None:
    with (
        bind(Settings(port=free_port())) as first,
        pytest.raises(ConfigError, match="cannot be used"),
    ):
        bind(Settings(port=first.getsockname()[1]))


@pytest.mark.parametrize("given", [{"tls_certificate": "{}"}, {"tls_key": "{}"}, {"tls_certificate": "nope"}])
def test_a_certificate_that_is_none_is_found_before_anything_starts(
    given: dict[str, str], tmp_path: Path
) -> None:
    garbage = tmp_path / "server.pem"
    garbage.write_text("not a certificate")
    settings = Settings(port=free_port(), **{name: text.format(garbage) for name, text in given.items()})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="COOLWRIGHT_TLS_KEY") as caught:
        bind(settings).close()
    assert "\n" not in str(caught.value)


async def goes_home(_server: _Server, sockets: object) -> None:
    await asyncio.sleep(0)


async def breaks(_server: _Server, sockets: object) -> None:
    raise OSError("too many open files")


@pytest.mark.parametrize(("ends", "says"), [(goes_home, "went home"), (breaks, "too many open files")])
async def test_a_server_that_ends_by_itself_ends_the_program(
    monkeypatch: pytest.MonkeyPatch, ends: object, says: str
) -> None:
    monkeypatch.setattr(_Server, "serve", ends)
    settings = Settings(port=free_port())
    service: Any = SimpleNamespace(controller=SimpleNamespace(settings=settings), stopping=asyncio.Event())
    with bind(settings) as listening, pytest.raises(CannotGoOn, match=says):
        async with asyncio.timeout(60):
            await serve_http(FastAPI(), listening, service)


async def test_told_to_stop_it_ends_without_complaint() -> None:
    settings = Settings(port=free_port())
    service: Any = SimpleNamespace(controller=SimpleNamespace(settings=settings), stopping=asyncio.Event())
    service.stopping.set()
    with bind(settings) as listening:
        await serve_http(FastAPI(), listening, service)


def ended(error: Exception) -> Any:
    def app(standalone_mode: bool) -> None:
        raise error

    return app


@pytest.mark.parametrize("deep", [False, True], ids=["alone", "out of the loops' group"])
def test_what_cannot_be_done_without_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], deep: bool
) -> None:
    error: Exception = CannotGoOn("the API ended by itself")
    if deep:
        error = ExceptionGroup("loops", [ExceptionGroup("beside", [error])])
    monkeypatch.setattr(command_line, "app", ended(error))
    with pytest.raises(SystemExit) as code:
        command_line.main()
    assert code.value.code == 1
    assert capsys.readouterr().err == "coolwright: the API ended by itself\n"


def test_a_bug_beside_it_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    both = ExceptionGroup("loops", [CannotGoOn("the API ended by itself"), ValueError("a bug")])
    monkeypatch.setattr(command_line, "app", ended(both))
    with pytest.raises(ExceptionGroup):
        command_line.main()

"""The address is the program's from the moment it is bound, before anything answers there."""

from __future__ import annotations

import socket

import pytest
from loopback import free_port

from controller.serving import bind
from controller.settings import Settings
from plant.errors import ConfigError


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
